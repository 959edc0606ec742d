"""FortiSIEM correlation rules as Faust workers on Kafka: Sysmon records in, incidents out."""
