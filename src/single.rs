//! What lives as long as the module does.

/// A value in a static, for the one thread that a page's WebAssembly has.
pub struct Single<T>(T);

#[cfg(target_feature = "atomics")]
compile_error!("the widget is built for one thread");

// SAFETY: there is no other thread that could reach it.
unsafe impl<T> Sync for Single<T> {}

impl<T> Single<T> {
    /// The value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> core::ops::Deref for Single<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
