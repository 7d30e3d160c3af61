//! A share as a QR code.

use qrcode::render::svg::Color;
use qrcode::{EcLevel, QrCode};
use zeroize::Zeroizing;

use super::Share;

/// The picture, as SVG, with the quiet zone around it. In upper case a word takes a smaller code.
pub fn svg(share: &Share) -> Zeroizing<String> {
    let word = Zeroizing::new(share.to_text().to_ascii_uppercase());
    let code = QrCode::with_error_correction_level(word.as_bytes(), EcLevel::Q)
        .expect("a word of 88 characters fits");
    Zeroizing::new(code.render::<Color<'_>>().min_dimensions(400, 400).build())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use countersign_wire::PrivateKey;
    use qrcode::Color as Module;

    use super::super::split;
    use super::*;

    #[test]
    fn a_code_is_read_by_another_program_as_the_share() {
        let share = &split(&PrivateKey::from_bytes([7; 32]).unwrap(), 2, 3).unwrap()[0];
        let drawn = svg(share);
        let edge: usize =
            drawn.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        assert!(edge >= 400 && drawn.starts_with("<?xml"), "{edge}");
        // The same code, drawn for a camera: 8 pixels a module, 4 modules of quiet zone.
        let word = share.to_text().to_ascii_uppercase();
        let code = QrCode::with_error_correction_level(word.as_bytes(), EcLevel::Q).unwrap();
        let modules = code.to_colors();
        let width = code.width();
        let side = (width + 8) * 8;
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
            let (x, y) = ((x / 8).wrapping_sub(4), (y / 8).wrapping_sub(4));
            let is_dark = x < width && y < width && modules[y * width + x] == Module::Dark;
            if is_dark { 0 } else { 255 }
        });
        let (_, read) = picture.detect_grids()[0].decode().unwrap();
        assert_eq!(&read.parse::<Share>().unwrap(), share);
    }
}
