"""Kafka and Faust: topics, the transport under Faust, the workers, and brokers to try them on."""
