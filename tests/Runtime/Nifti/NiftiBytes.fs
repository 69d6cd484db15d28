/// NIfTI files made byte by byte from the format's definition, to be read by the runtime's reader.
module MedSegDsl.Tests.Runtime.NiftiBytes

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open System.Text

type Nifti = {
    Version: int
    BigEndian: bool
    Datatype: int
    Dim: int64 list
    Pixdim: float list
    Slope: float
    Inter: float
    QForm: int * float list
    SForm: int * float list
    Units: int
    Magic: string option
    Extension: byte[]
    Values: float[]
}

let volume datatype (dim: int list) values = {
    Version = 1
    BigEndian = false
    Datatype = datatype
    Dim = List.map int64 dim
    Pixdim = [ 1.0; 1.0; 1.0; 1.0 ]
    Slope = 0.0
    Inter = 0.0
    QForm = 0, List.replicate 6 0.0
    SForm = 0, List.replicate 12 0.0
    Units = 2
    Magic = None
    Extension = [||]
    Values = values
}

/// Each scalar type: its code, its bits, smallest and largest value that float32 holds exactly.
let scalarTypes = [
    2, 8, 0.0, 255.0
    256, 8, -128.0, 127.0
    4, 16, -32768.0, 32767.0
    512, 16, 0.0, 65535.0
    8, 32, -16777216.0, 16777216.0
    768, 32, 0.0, 16777216.0
    1024, 64, -16777216.0, 16777216.0
    1280, 64, 0.0, 16777216.0
    16, 32, -1e30, 1e30
    64, 64, -1e30, 1e30
]

let private bits datatype =
    scalarTypes
    |> List.tryPick (fun (code, bits, _, _) -> if code = datatype then Some bits else None)
    |> Option.defaultValue 24

let private numberBytes datatype (value: float) : byte[] =
    match datatype with
    | 2 -> [| byte value |]
    | 256 -> [| byte (sbyte value) |]
    | 4 -> BitConverter.GetBytes(int16 value)
    | 512 -> BitConverter.GetBytes(uint16 value)
    | 8 -> BitConverter.GetBytes(int32 value)
    | 768 -> BitConverter.GetBytes(uint32 value)
    | 1024 -> BitConverter.GetBytes(int64 value)
    | 1280 -> BitConverter.GetBytes(uint64 value)
    | 16 -> BitConverter.GetBytes(float32 value)
    | 64 -> BitConverter.GetBytes value
    | _ -> [| 1uy; 2uy; 3uy |]

/// The file's bytes, not compressed.
let bytes (n: Nifti) : byte[] =
    let size = if n.Version = 1 then 348 else 540
    let header = Array.zeroCreate<byte> size

    let put at (little: byte[]) =
        Array.blit (if n.BigEndian then Array.rev little else little) 0 header at little.Length

    let int16At at (value: int) =
        put at (BitConverter.GetBytes(int16 value))

    let int32At at (value: int) = put at (BitConverter.GetBytes value)

    let floatAt at (value: float) =
        put
            at
            (if n.Version = 1 then
                 BitConverter.GetBytes(float32 value)
             else
                 BitConverter.GetBytes value)

    let width = if n.Version = 1 then 4 else 8
    let at first second = if n.Version = 1 then first else second
    int32At 0 size

    let magic =
        n.Magic
        |> Option.defaultValue (if n.Version = 1 then "n+1\000" else "n+2\000\r\n\026\n")

    Array.blit (Encoding.Latin1.GetBytes magic) 0 header (at 344 4) magic.Length
    int16At (at 70 12) n.Datatype
    int16At (at 72 14) (bits n.Datatype)

    int64 n.Dim.Length :: n.Dim
    |> List.iteri (fun i d ->
        if n.Version = 1 then
            int16At (40 + 2 * i) (int d)
        else
            put (16 + 8 * i) (BitConverter.GetBytes d))

    n.Pixdim |> List.iteri (fun i p -> floatAt (at 76 104 + width * i) p)
    let offset = size + 4 + n.Extension.Length

    if n.Version = 1 then
        floatAt 108 (float offset)
    else
        put 168 (BitConverter.GetBytes(int64 offset))

    floatAt (at 112 176) n.Slope
    floatAt (at 116 184) n.Inter

    if n.Version = 1 then
        header[123] <- byte n.Units
        int16At 252 (fst n.QForm)
        int16At 254 (fst n.SForm)
    else
        int32At 500 n.Units
        int32At 344 (fst n.QForm)
        int32At 348 (fst n.SForm)

    snd n.QForm |> List.iteri (fun i v -> floatAt (at 256 352 + width * i) v)
    snd n.SForm |> List.iteri (fun i v -> floatAt (at 280 400 + width * i) v)
    let flag = [| (if n.Extension.Length > 0 then 1uy else 0uy); 0uy; 0uy; 0uy |]

    let voxels =
        n.Values
        |> Array.collect (fun v ->
            let little = numberBytes n.Datatype v
            if n.BigEndian then Array.rev little else little)

    Array.concat [ header; flag; n.Extension; voxels ]

let gzip (content: byte[]) =
    use memory = new MemoryStream()
    using (new GZipStream(memory, CompressionLevel.Fastest)) (fun stream -> stream.Write content)
    memory.ToArray()

/// Writes the bytes to a file of this name in a folder.
let save (folder: string) (name: string) (content: byte[]) =
    let path = Path.Combine(folder, name)
    File.WriteAllBytes(path, content)
    path
