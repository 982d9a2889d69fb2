using System.Text;

namespace StableDiffusion.Tensors;

/// <summary>Tells what a file is that holds no tensors which can be read, for the message that refuses it.</summary>
internal static class ForeignFile
{
    /// <summary>How many bytes from the start of a file it takes to tell.</summary>
    public const int HeadLength = 512;

    /// <summary>The error for a file with these first bytes.</summary>
    public static ModelInvalidException Refuse(string path, ReadOnlySpan<byte> head)
    {
        (string what, string advice) = Describe(head);
        return new ModelInvalidException($"'{path}' is {what}, not a file of tensors. {advice}");
    }

    private static (string What, string Advice) Describe(ReadOnlySpan<byte> head)
    {
        const string Get = "Get the model as a safetensors file.";
        if (head.IsEmpty)
            return ("an empty file", "Download or copy it again.");
        if (head.StartsWith("GGUF"u8) || head.StartsWith("GGML"u8) || head.StartsWith("lmgg"u8) || head.StartsWith("tjgg"u8))
            return ("a GGUF or GGML file", "Its quantised weights cannot be read. " + Get);
        if (StartsAt(head, 1, "HDF\r\n"u8))
            return ("an HDF5 file of Keras", Get);
        if (StartsAt(head, 1, "NUMPY"u8))
            return ("an array of NumPy", Get);
        if (head.StartsWith("PK"u8))
            return ("an empty or damaged zip archive", "Download or copy it again.");
        if (head.StartsWith("Rar!"u8) || head.StartsWith((ReadOnlySpan<byte>)[0x37, 0x7A, 0xBC, 0xAF])
            || head.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]) || StartsAt(head, 257, "ustar"u8))
        {
            return ("a packed archive", "Unpack it first.");
        }

        if (StartsAt(head, 1, "PNG"u8) || head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
            return ("a picture", "Give the file of the model.");
        if (IsOnnx(head))
            return ("an ONNX graph", "Give the folder that it lies in, with its configs.");
        if (!head.ContainsAnyExcept((byte)0))
            return ("a file of zeros", "The download did not finish. Download it again.");
        return DescribeText(head);
    }

    private static (string What, string Advice) DescribeText(ReadOnlySpan<byte> head)
    {
        string text = Encoding.Latin1.GetString(head.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? head[3..] : head).TrimStart();
        bool Starts(string start) => text.StartsWith(start, StringComparison.OrdinalIgnoreCase);
        if (Starts("version https://git-lfs"))
            return ("a pointer of Git LFS", "The file itself was not fetched: run 'git lfs pull', or download it from the model's page.");
        if (Starts("<!DOCTYPE html") || Starts("<html"))
            return ("a web page", "The download gave a page in place of the file, perhaps one to sign in at. Open the link in a browser and download the file from there.");
        if (Starts("<?xml") || Starts("<Error"))
            return ("an XML text", "The download may have given an error message. Open it in an editor, and download the file again.");
        if (Starts("{") || Starts("["))
            return ("a JSON text", "It may be a server's error message, or the index or config of a model: give the file of the weights, or the model's folder.");

        int shown = Math.Min(head.Length, 8);
        return ($"a file of an unknown kind (it starts with {Convert.ToHexString(head[..shown])})",
            "Safetensors files and those of PyTorch can be read; check that this is one, and that it was downloaded whole.");
    }

    private static bool StartsAt(ReadOnlySpan<byte> head, int offset, ReadOnlySpan<byte> mark) =>
        head.Length > offset && head[offset..].StartsWith(mark);

    /// <summary>
    /// A model's protobuf starts with the version of the format (field 1), a small number, and then the name of the
    /// program that wrote it (field 2) or the graph (field 7).
    /// </summary>
    private static bool IsOnnx(ReadOnlySpan<byte> head) => head.Length > 3 && head[0] == 0x08 && head[1] is > 0 and < 32 && head[2] is 0x12 or 0x3A;
}
