"""Sysmon records, in whatever they travel, as events in FortiSIEM's words."""
