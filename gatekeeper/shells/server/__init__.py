"""The standalone server: its protocol, its workers, its sidecar."""
