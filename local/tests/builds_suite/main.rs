//! Builds on this machine, from the upload to the image, with archives of every kind.

mod archive;
mod building;
mod hostile;
mod uploading;
