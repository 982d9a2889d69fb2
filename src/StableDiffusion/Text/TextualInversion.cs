using StableDiffusion.Adapters;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>
/// A word that was learned from pictures: vectors that take the place of its tokens (textual inversion; Gal et al.,
/// arXiv 2208.01618).
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

    /// <summary>The word that prompts call it by.</summary>
    public string Name { get; }

    /// <summary>How many tokens it takes up.</summary>
    public int VectorCount { get; }

    /// <summary>The first twelve hexadecimal digits of the file's SHA-256, by which A1111 names it.</summary>
    internal string Hash => AdapterFiles.Hash(Path);

    /// <summary>Reads a file: A1111's (<c>emb_params</c>, <c>string_to_param</c>), diffusers' (one tensor, named by its word), or one for SDXL (<c>clip_l</c>, <c>clip_g</c>).</summary>
    /// <param name="path">The file, of safetensors or of PyTorch.</param>
    /// <returns>The word with its vectors.</returns>
    /// <exception cref="AdapterNotFoundException">There is no such file.</exception>
    /// <exception cref="AdapterInvalidException">The file is damaged, or no embedding.</exception>
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
                : throw new AdapterInvalidException($"The embedding '{full}' has another number of vectors for each text encoder. Get the file again.");
        }
        catch (ModelInvalidException error)
        {
            throw new AdapterInvalidException(error.Message, error);
        }
    }

    /// <summary>The word.</summary>
    /// <returns>Its name and how many vectors it has.</returns>
    public override string ToString() => $"{Name} ({VectorCount} vectors)";

    /// <summary>The vectors for a text encoder.</summary>
    /// <param name="isSecond">Whether it is SDXL's second one.</param>
    /// <param name="width">The width that it takes.</param>
    /// <returns>The vectors [count, width].</returns>
    /// <exception cref="AdapterInvalidException">There are none of that width.</exception>
    internal Tensor VectorsFor(bool isSecond, int width)
    {
        Tensor? vectors = _vectors.GetValueOrDefault(isSecond ? SecondEncoder : FirstEncoder) ?? _vectors.GetValueOrDefault(string.Empty);
        return vectors is not null && vectors.Shape[1] == width
            ? vectors
            : throw new AdapterInvalidException(
                $"The embedding '{Path}' has vectors of the width {string.Join(" and ", _vectors.Values.Select(tensor => tensor.Shape[1]))}, and the model's {(isSecond ? "second " : string.Empty)}text encoder takes {width}. " +
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
            : throw new AdapterInvalidException($"'{file.Path}' is no textual inversion embedding: it holds {file.Tensors.Count} tensors, none named as embeddings name them. A LoRA goes to Lora, a whole model to Model.");

        static Dictionary<string, string> One(string tensor) => new(StringComparer.Ordinal) { [string.Empty] = tensor };
    }

    private static Tensor Read(ITensorFile file, string name)
    {
        StoredTensor stored = file.Find(name);
        bool isVectors = stored.Shape.Count is 1 or 2 && stored.Count > 0 && (stored.Shape.Count == 1 || stored.Shape[0] <= MostVectors);
        if (!isVectors)
            throw new AdapterInvalidException($"The tensor '{name}' in '{file.Path}' has the shape {stored.ShapeText}; an embedding is of 1 to {MostVectors} vectors.");

        Tensor tensor = file.Read(name);
        if (!tensor.IsFinite())
            throw new AdapterInvalidException($"The embedding '{file.Path}' holds a value that is NaN or infinite. Get the file again.");
        return tensor.Rank == 1 ? tensor.Reshape(1, tensor.Length) : tensor;
    }
}
