//! What hub and agent share: controller harness, leader election, metrics, health, shutdown.
