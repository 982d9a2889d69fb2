using StableDiffusion.Adapters;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>
/// A textual inversion embedding: vectors learned from images that replace the tokens of a word (Gal et al., arXiv 2208.01618).
/// </summary>
public sealed class TextualInversion
{
    private const string FirstEncoder = "clip_l";
    private const string SecondEncoder = "clip_g";
    private const string A1111Vectors = "string_to_param.";
    private const string WebUiVectors = "emb_params";
    private const int MostVectors = 75;

    private readonly Dictionary<string, Tensor> _vectors;

    private TextualInversion(string path, string name, Dictionary<string, Tensor> vectors)
    {
        Path = path;
        Name = name;
        _vectors = vectors;
        VectorCount = vectors.Values.First().Shape[0];
    }

    /// <summary>The full path of its file.</summary>
    public string Path { get; }

    /// <summary>The word that prompts use for it.</summary>
    public string Name { get; }

    /// <summary>The number of tokens that it takes up.</summary>
    public int VectorCount { get; }

    /// <summary>The first twelve hexadecimal digits of the file's SHA-256, as A1111 uses them.</summary>
    internal string Hash => AdapterFiles.Hash(Path);

    /// <summary>Reads a file of A1111 (<c>emb_params</c>, <c>string_to_param</c>), of diffusers (one tensor, named after the word), or for SDXL (<c>clip_l</c>, <c>clip_g</c>).</summary>
    /// <param name="path">The path of a safetensors or PyTorch file.</param>
    /// <returns>The embedding.</returns>
    /// <exception cref="AdapterNotFoundException">There is no such file.</exception>
    /// <exception cref="AdapterInvalidException">The file is damaged, or is not an embedding.</exception>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public static TextualInversion Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = System.IO.Path.GetFullPath(path);
        if (!File.Exists(full))
            throw new AdapterNotFoundException($"There is no embedding '{full}'.");

        try
        {
            using ITensorFile file = TensorFile.Open(full);
            (string? ownName, Dictionary<string, string> tensors) = Recognise(file);
            Dictionary<string, Tensor> vectors = tensors.ToDictionary(entry => entry.Key, entry => Read(file, entry.Value), StringComparer.Ordinal);
            string name = ownName ?? file.Metadata.GetValueOrDefault("name") ?? System.IO.Path.GetFileNameWithoutExtension(full);
            if (string.IsNullOrWhiteSpace(name))
                name = System.IO.Path.GetFileNameWithoutExtension(full);
            return vectors.Values.Select(tensor => tensor.Shape[0]).Distinct().Count() == 1
                ? new TextualInversion(full, name, vectors)
                : throw new AdapterInvalidException($"The embedding '{full}' has different numbers of vectors for the text encoders. Get the file again.");
        }
        catch (ModelInvalidException error)
        {
            throw new AdapterInvalidException(error.Message, error);
        }
    }

    /// <summary>The embedding as text.</summary>
    /// <returns>The name and the number of vectors.</returns>
    public override string ToString() => $"{Name} ({VectorCount} vectors)";

    /// <summary>Returns the vectors for a text encoder.</summary>
    /// <param name="isSecond">Whether it is SDXL's second one.</param>
    /// <param name="width">The width that the encoder uses.</param>
    /// <returns>The vectors [count, width].</returns>
    /// <exception cref="AdapterInvalidException">There are no vectors of that width.</exception>
    internal Tensor VectorsFor(bool isSecond, int width)
    {
        Tensor? vectors = _vectors.GetValueOrDefault(isSecond ? SecondEncoder : FirstEncoder) ?? _vectors.GetValueOrDefault(string.Empty);
        return vectors is not null && vectors.Shape[1] == width
            ? vectors
            : throw new AdapterInvalidException(
                $"The embedding '{Path}' has vectors of the width {string.Join(" and ", _vectors.Values.Select(tensor => tensor.Shape[1]))}, and the model's {(isSecond ? "second " : string.Empty)}text encoder uses {width}. " +
                "It was made for another family: 768 is Stable Diffusion 1, 1024 is Stable Diffusion 2, and 768 and 1280 together are Stable Diffusion XL.");
    }

    private static (string? Name, Dictionary<string, string> Tensors) Recognise(ITensorFile file)
    {
        string[] encoders = [.. new[] { FirstEncoder, SecondEncoder }.Where(file.Tensors.ContainsKey)];
        if (encoders.Length > 0)
            return (null, encoders.ToDictionary(static name => name, static name => name, StringComparer.Ordinal));
        if (file.Tensors.ContainsKey(WebUiVectors))
            return (null, One(WebUiVectors));
        string? a1111 = file.Tensors.Keys.FirstOrDefault(static name => name.StartsWith(A1111Vectors, StringComparison.Ordinal));
        if (a1111 is not null)
            return (null, One(a1111));

        return file.Tensors.Count == 1
            ? (file.Tensors.Keys.First(), One(file.Tensors.Keys.First()))
            : throw new AdapterInvalidException($"'{file.Path}' is not a textual inversion embedding: none of its {file.Tensors.Count} tensors has a name that embeddings use. Use the setting Lora for a LoRA, and Model for a whole model.");

        static Dictionary<string, string> One(string tensor) => new(StringComparer.Ordinal) { [string.Empty] = tensor };
    }

    private static Tensor Read(ITensorFile file, string name)
    {
        StoredTensor stored = file.Find(name);
        bool isVectors = stored.Shape.Count is 1 or 2 && stored.Count > 0 && (stored.Shape.Count == 1 || stored.Shape[0] <= MostVectors);
        if (!isVectors)
            throw new AdapterInvalidException($"The tensor '{name}' in '{file.Path}' has the shape {stored.ShapeText}; an embedding has 1 to {MostVectors} vectors.");

        Tensor tensor = file.Read(name);
        if (!tensor.IsFinite())
            throw new AdapterInvalidException($"The embedding '{file.Path}' has a value that is NaN or infinite. Get the file again.");
        return tensor.Rank == 1 ? tensor.Reshape(1, tensor.Length) : tensor;
    }
}
