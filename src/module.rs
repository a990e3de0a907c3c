//! What a module for a page has to have of its own.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::Cell;
use core::panic::PanicInfo;
use core::ptr::null_mut;

use crate::single::Single;

/// Nothing a panic could say reaches anybody: the page around hears the trap, and says what the buyer must know.
#[panic_handler]
fn end(_: &PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}

#[global_allocator]
static ALLOCATOR: Blocks = Blocks {
    free: Single::new([const { Cell::new(null_mut()) }; CLASSES]),
    next: Single::new(Cell::new(0)),
    end: Single::new(Cell::new(0)),
};

/// Blocks of 2ⁿ bytes. One that is let go of waits for the next who wants its size, and a checkout that is mounted
/// again wants the sizes of the one before.
struct Blocks {
    /// The first free block of each size; each begins with the address of the next.
    free: Single<[Cell<*mut u8>; CLASSES]>,
    /// What no block has been made of yet.
    next: Single<Cell<usize>>,
    end: Single<Cell<usize>>,
}

/// As many as an address has bits.
const CLASSES: usize = usize::BITS as usize;
/// The smallest block, and what each is aligned to: no type here asks for more.
const SMALLEST: usize = 16;
const PAGE: usize = 65_536;

/// A block of this class has 2 to the power of it bytes.
const fn class_of(bytes: usize) -> Option<usize> {
    let least = if bytes < SMALLEST { SMALLEST } else { bytes };
    match least.checked_next_power_of_two() {
        Some(bytes) => Some(bytes.trailing_zeros() as usize),
        None => None,
    }
}

impl Blocks {
    fn cut(&self, bytes: usize) -> Option<*mut u8> {
        let missing = bytes.saturating_sub(self.end.get() - self.next.get());
        if missing > 0 {
            let pages = missing.div_ceil(PAGE);
            let before = wasm32::memory_grow::<0>(pages);
            if before == usize::MAX {
                return None;
            }
            let start = before * PAGE;
            // Nobody else lets the memory grow; if somebody did, what is left before theirs is lost.
            if start != self.end.get() {
                self.next.set(start);
            }
            self.end.set(start + pages * PAGE);
            return self.cut(bytes);
        }
        let block = self.next.get();
        self.next.set(block + bytes);
        Some(block as *mut u8)
    }
}

// SAFETY: a block is given to one owner at a time: it comes either fresh from the memory's end, which only moves
// forward, or from the list of its size, which it left. It is as large and as aligned as its class says.
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(layout.size()).filter(|_| layout.align() <= SMALLEST) else {
            return null_mut();
        };
        let Some(free) = self.free.get(class) else {
            return null_mut();
        };
        let block = free.get();
        if block.is_null() {
            return self.cut(1 << class).unwrap_or(null_mut());
        }
        // SAFETY: what is on the list is free, and begins with the next one's address.
        free.set(unsafe { block.cast::<*mut u8>().read() });
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(free) = class_of(layout.size()).and_then(|class| self.free.get(class)) {
            // SAFETY: the block is this allocator's again, and 16 bytes at least.
            unsafe { block.cast::<*mut u8>().write(free.get()) };
            free.set(block);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        if class_of(layout.size()) == class_of(bytes) {
            return block;
        }
        // SAFETY: the caller's word for `layout` and `bytes` is passed on.
        unsafe {
            let Ok(wanted) = Layout::from_size_align(bytes, layout.align()) else {
                return null_mut();
            };
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(bytes));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}
