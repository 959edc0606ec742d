"""The engine: records become matches, matches become incidents. Pure functions over values, from detect to replay."""
