"""gRPC servers and calls: bootstrap, health, interceptor, channels, admission of streams and uploads."""
