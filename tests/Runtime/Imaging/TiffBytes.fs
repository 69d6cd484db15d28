/// TIFF files made byte by byte from the format's definition (TIFF 6.0), uncompressed, to be read by the runtime's readers.
module MedSegDsl.Tests.Runtime.Imaging.TiffBytes

open System

type Page = {
    Width: int
    Height: int
    Samples: int
    Bits: int
    /// 1 unsigned, 2 signed, 3 float
    Format: int
    Pixels: byte[]
}

/// The file: each page's pixels, then its directory.
let bytes bigEndian (pages: Page list) : byte[] =
    let ordered (little: byte[]) =
        if bigEndian then Array.rev little else little

    let short (value: int) =
        ordered (BitConverter.GetBytes(uint16 value))

    let long (value: int) =
        ordered (BitConverter.GetBytes(uint32 value))

    let entry tag kind count (value: int) =
        let stored =
            if kind = 3 then
                Array.append (short value) [| 0uy; 0uy |]
            else
                long value

        Array.concat [ short tag; short kind; long count; stored ]

    let mutable file =
        Array.concat [ (if bigEndian then "MM"B else "II"B); short 42; long 0 ]

    let mutable link = 4

    for page in pages do
        let step = page.Bits / 8

        let pixels =
            page.Pixels
            |> Array.chunkBySize step
            |> Array.collect (fun value -> if bigEndian then Array.rev value else value)

        let at = file.Length
        file <- Array.append file pixels

        if file.Length % 2 = 1 then
            file <- Array.append file [| 0uy |]

        // The bits of several samples do not fit in their entry.
        let bits = file.Length

        file <-
            Array.append
                file
                (if page.Samples > 1 then
                     Array.concat (List.replicate page.Samples (short page.Bits))
                 else
                     [||])

        if file.Length % 2 = 1 then
            file <- Array.append file [| 0uy |]

        let directory = file.Length
        Array.blit (long directory) 0 file link 4

        let entries = [
            entry 256 4 1 page.Width
            entry 257 4 1 page.Height
            entry
                258
                3
                page.Samples
                (if page.Samples > 1 then
                     (if bigEndian then 0 else bits)
                 else
                     page.Bits)
            entry 259 3 1 1
            entry 262 3 1 (if page.Samples >= 3 then 2 else 1)
            entry 273 4 1 at
            entry 277 3 1 page.Samples
            entry 278 4 1 page.Height
            entry 279 4 1 pixels.Length
            entry 284 3 1 1
            entry 339 3 1 page.Format
        ]

        file <- Array.concat [ file; short entries.Length; Array.concat entries; long 0 ]

        if page.Samples > 1 then
            Array.blit (long bits) 0 file (directory + 2 + 2 * 12 + 8) 4

        link <- file.Length - 4

    file
