using System.Text;

namespace StableDiffusion.Tensors;

/// <summary>Recognizes files that are not tensor files, for the message that refuses them.</summary>
internal static class ForeignFile
{
    /// <summary>The number of bytes from the start of a file that are needed to recognize it.</summary>
    public const int HeadLength = 512;

    /// <summary>Returns the error for a file with these first bytes.</summary>
    public static ModelInvalidException Refuse(string path, ReadOnlySpan<byte> head)
    {
        (string what, string advice) = Describe(head);
        return new ModelInvalidException($"'{path}' is {what}, not a tensor file. {advice}");
    }

    private static (string What, string Advice) Describe(ReadOnlySpan<byte> head)
    {
        const string Get = "Get the model as a safetensors file.";
        if (head.IsEmpty)
            return ("an empty file", "Download or copy it again.");
        if (head.StartsWith("GGUF"u8) || head.StartsWith("GGML"u8) || head.StartsWith("lmgg"u8) || head.StartsWith("tjgg"u8))
            return ("a GGUF or GGML file", "Its quantized weights are not supported. " + Get);
        if (StartsAt(head, 1, "HDF\r\n"u8))
            return ("an HDF5 file of Keras", Get);
        if (StartsAt(head, 1, "NUMPY"u8))
            return ("a NumPy array", Get);
        if (head.StartsWith("PK"u8))
            return ("an empty or damaged zip archive", "Download or copy it again.");
        if (head.StartsWith("Rar!"u8) || head.StartsWith((ReadOnlySpan<byte>)[0x37, 0x7A, 0xBC, 0xAF])
            || head.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]) || StartsAt(head, 257, "ustar"u8))
        {
            return ("a packed archive", "Unpack it first.");
        }

        if (StartsAt(head, 1, "PNG"u8) || head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
            return ("an image", "Give the file of a model, a latent or an embedding.");
        if (IsOnnx(head))
            return ("an ONNX graph", "Give the folder that contains it, with its configuration files. An upscaler belongs into the folder of upscalers, with the extension .onnx.");
        if (!head.ContainsAnyExcept((byte)0))
            return ("a file of zeros", "The download was not completed. Download it again.");
        return DescribeText(head);
    }

    private static (string What, string Advice) DescribeText(ReadOnlySpan<byte> head)
    {
        string text = Encoding.Latin1.GetString(head.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? head[3..] : head).TrimStart();
        bool Starts(string start) => text.StartsWith(start, StringComparison.OrdinalIgnoreCase);
        if (Starts("version https://git-lfs"))
            return ("a Git LFS pointer", "The file itself was not downloaded: run 'git lfs pull', or download it from the model's page.");
        if (Starts("<!DOCTYPE html") || Starts("<html"))
            return ("a web page", "A page was downloaded in place of the file, perhaps a sign-in page. Open the link in a browser and download the file from there.");
        if (Starts("<?xml") || Starts("<Error"))
            return ("an XML file", "It may be an error message of the server. Open it in an editor, and download the file again.");
        if (Starts("{") || Starts("["))
            return ("a JSON file", "It may be a server's error message, or the index or config of a model: give the file of the weights, or the model's folder.");

        return ("a file of unknown type", "Safetensors and PyTorch files can be read; check that this is one, and that it is complete.");
    }

    private static bool StartsAt(ReadOnlySpan<byte> head, int offset, ReadOnlySpan<byte> mark) =>
        head.Length > offset && head[offset..].StartsWith(mark);

    /// <summary>
    /// An ONNX file starts with the version of the format (field 1), a small number, and then the name of the program that
    /// wrote it (field 2) or the graph (field 7).
    /// </summary>
    private static bool IsOnnx(ReadOnlySpan<byte> head) => head.Length > 3 && head[0] == 0x08 && head[1] is > 0 and < 32 && head[2] is 0x12 or 0x3A;
}
