//! Joins the hub and keeps the registration alive.
