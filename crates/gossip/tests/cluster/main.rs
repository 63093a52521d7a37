//! Clusters of membership cores under virtual time, and single cores under hostile hands.

mod changes;
mod detection;
mod failure;
mod forge;
mod forgetting;
mod hostile;
mod inquiries;
mod join;
mod leaving;
mod names;
mod net;
mod probing;
mod repair;
mod settings;
mod storm;
mod versions;
