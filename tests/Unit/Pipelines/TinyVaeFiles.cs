using System.Runtime.InteropServices;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Tensors.Torch;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>The reference's tiny autoencoder in all layouts that TAESD is published in.</summary>
internal static class TinyVaeFiles
{
    private const string Encoder = "encoder.layers.";
    private const string Decoder = "decoder.layers.";

    /// <summary>The folder of diffusers.</summary>
    public static string Folder { get; } = Repository.Data("taesd", "taesd-diffusers");

    /// <summary>The weights of the folder.</summary>
    public static string Weights { get; } = Path.Combine(Folder, "diffusion_pytorch_model.safetensors");

    /// <summary>Writes the two files of the original repository.</summary>
    /// <param name="folder">The folder to write to.</param>
    /// <param name="ending">Their extension: .safetensors or .pth.</param>
    /// <param name="name">The beginning of their names.</param>
    /// <returns>The path of the decoder's file.</returns>
    public static string WriteOriginal(string folder, string ending = ".safetensors", string name = "taesd")
    {
        Directory.CreateDirectory(folder);
        using SafetensorsFile file = SafetensorsFile.Open(Weights);
        Write(Path.Combine(folder, $"{name}_encoder{ending}"), Half(file, Encoder, shift: 0));
        string decoder = Path.Combine(folder, $"{name}_decoder{ending}");

        // The first layer of the original decoder is a clamp, which has no weights and no number in diffusers.
        Write(decoder, Half(file, Decoder, shift: 1));
        return decoder;
    }

    /// <summary>Copies the folder, so that it can be changed.</summary>
    public static string CopyFolder(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.EnumerateFiles(Folder))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        return folder;
    }

    private static Dictionary<string, Tensor> Half(SafetensorsFile file, string prefix, int shift) =>
        file.Tensors.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(key => Renumber(key[prefix.Length..], shift), key => file.Read(key));

    private static string Renumber(string key, int shift)
    {
        string[] parts = key.Split('.', 2);
        return $"{int.Parse(parts[0]) + shift}.{parts[1]}";
    }

    private static void Write(string path, Dictionary<string, Tensor> tensors)
    {
        if (path.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            SafetensorsWriter.Write(path, tensors);
            return;
        }

        TorchWriter writer = new();
        PickledDictionary root = new(ordered: true);
        foreach ((string name, Tensor tensor) in tensors)
        {
            long[] shape = [.. tensor.Shape.Select(static length => (long)length)];
            long[] strides = [.. shape.Select((_, axis) => shape.Skip(axis + 1).Aggregate(1L, static (product, length) => product * length))];
            root.Add(name, TorchWriter.Tensor(writer.Storage("FloatStorage", tensor.Length, MemoryMarshal.AsBytes<float>(tensor.Values).ToArray()), 0, shape, strides));
        }

        File.WriteAllBytes(path, writer.Archive(root));
    }
}
