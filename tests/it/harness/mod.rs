//! Servers, clients and the real binary, for every test here.
