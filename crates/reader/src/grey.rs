//! Brightness.

/// A picture in grey, one byte per pixel, row by row.
#[derive(Clone)]
pub struct Picture {
    pixels: Vec<u8>,
    width: u32,
    height: u32,
}

/// The sides that a picture may have, in pixels. The smallest code has 21 modules on a side.
const SIDES: std::ops::RangeInclusive<u32> = 21..=4096;

impl Picture {
    /// A picture; `None` when its sides are not between 21 and 4096, or there are not as many pixels as they say.
    #[must_use]
    pub fn from_grey(pixels: Vec<u8>, width: u32, height: u32) -> Option<Self> {
        let fits = SIDES.contains(&width)
            && SIDES.contains(&height)
            && pixels.len() == width as usize * height as usize;
        fits.then_some(Self {
            pixels,
            width,
            height,
        })
    }

    /// A picture from four bytes per pixel: red, green, blue, alpha. What is transparent counts as white.
    #[must_use]
    pub fn from_rgba(rgba: &[u8], width: u32, height: u32) -> Option<Self> {
        let pixels = rgba
            .as_chunks::<4>()
            .0
            .iter()
            .map(|pixel| brightness(*pixel));
        Self::from_grey(pixels.collect(), width, height)
    }

    /// The same at half its width and height, each pixel the mean of four; `None` when that is too small.
    #[must_use]
    pub fn halved(&self) -> Option<Self> {
        let (width, height) = (self.width / 2, self.height / 2);
        let row = |y: u32| {
            let start = y as usize * self.width as usize;
            self.pixels.get(start..).unwrap_or_default()
        };
        let mut pixels = Vec::with_capacity(width as usize * height as usize);
        for y in 0..height {
            let (upper, lower) = (
                row(2 * y).as_chunks::<2>().0,
                row(2 * y + 1).as_chunks::<2>().0,
            );
            for ([a, b], [c, d]) in upper.iter().zip(lower).take(width as usize) {
                let sum = u16::from(*a) + u16::from(*b) + u16::from(*c) + u16::from(*d);
                pixels.push(u8::try_from(sum / 4).unwrap_or(u8::MAX));
            }
        }
        Self::from_grey(pixels, width, height)
    }

    /// Its pixels.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Its width in pixels.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Its height in pixels.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }
}

/// Rec. 601 luma in 256ths, over white.
fn brightness([red, green, blue, alpha]: [u8; 4]) -> u8 {
    let luma = (77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue)) >> 8;
    let alpha = u32::from(alpha);
    u8::try_from((luma * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
}
