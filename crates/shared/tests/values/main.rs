//! Values: what each process says of itself, and how the others come to know it.

mod hostile;
mod limits;
mod net;
mod spread;
