"""What the API tells about itself: logs, metrics, traces."""
