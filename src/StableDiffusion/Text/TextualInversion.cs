using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>
/// A textual inversion embedding: vectors learned from images that replace the tokens of a word (Gal et al., arXiv 2208.01618).
/// </summary>
public sealed class TextualInversion
{
    private const int LongestWord = 200;

    /// <summary>The key of the vectors for the first of two text encoders.</summary>
    internal const string FirstEncoder = "clip_l";

    /// <summary>The key of the vectors for SDXL's second text encoder.</summary>
    internal const string SecondEncoder = "clip_g";

    /// <summary>The largest number of vectors; more do not fit into one input of a text encoder.</summary>
    internal const int MostVectors = 75;

    /// <summary>Initializes the embedding with the contents of a file.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <param name="hash">The file's hash.</param>
    /// <param name="name">The word.</param>
    /// <param name="vectors">The vectors [count, width] by text encoder, the same number for each; the empty key means any encoder.</param>
    internal TextualInversion(string path, string hash, string name, IReadOnlyDictionary<string, Tensor> vectors)
    {
        Path = path;
        Hash = hash;
        Name = name;
        Vectors = vectors;
        VectorCount = vectors.Values.First().Shape[0];
    }

    /// <summary>The full path of its file.</summary>
    public string Path { get; }

    /// <summary>The word that prompts use for it.</summary>
    public string Name { get; }

    /// <summary>The number of tokens that it takes up.</summary>
    public int VectorCount { get; }

    /// <summary>The vectors [count, width] by text encoder, the same number for each; the empty key means any encoder.</summary>
    internal IReadOnlyDictionary<string, Tensor> Vectors { get; }

    /// <summary>The first twelve hexadecimal digits of the file's SHA-256, as A1111 uses them.</summary>
    internal string Hash { get; }

    /// <summary>Whether the file is found by its name.</summary>
    internal bool HasFileName { get; init; }

    /// <summary>How images record the file: by its name where it is found by that, otherwise by its path.</summary>
    internal string Reference => HasFileName ? System.IO.Path.GetFileNameWithoutExtension(Path) : Path;

    /// <summary>The embedding as text.</summary>
    /// <returns>The name and the number of vectors.</returns>
    public override string ToString() => PrintableText.Of($"{Name} ({VectorCount} vectors)");

    /// <summary>Whether a prompt can name a word, which is not empty and can be typed.</summary>
    /// <param name="name">The word.</param>
    internal static bool IsWord(string name) => !string.IsNullOrWhiteSpace(name) && PrintableText.Of(name, LongestWord) == name;

    /// <summary>Returns the vectors for a text encoder.</summary>
    /// <param name="isSecond">Whether it is SDXL's second one.</param>
    /// <param name="width">The width that the encoder uses.</param>
    /// <returns>The vectors [count, width].</returns>
    /// <exception cref="AdapterInvalidException">There are no vectors of that width.</exception>
    internal Tensor VectorsFor(bool isSecond, int width)
    {
        Tensor? vectors = Vectors.GetValueOrDefault(isSecond ? SecondEncoder : FirstEncoder) ?? Vectors.GetValueOrDefault(string.Empty);
        return vectors is not null && vectors.Shape[1] == width
            ? vectors
            : throw new AdapterInvalidException(
                $"The embedding '{Path}' has vectors of the width {string.Join(" and ", Vectors.Values.Select(tensor => tensor.Shape[1]))}, and the model's {(isSecond ? "second " : string.Empty)}text encoder uses {width}. " +
                "It was made for another family: 768 is Stable Diffusion 1, 1024 is Stable Diffusion 2, and 768 and 1280 together are Stable Diffusion XL.");
    }
}
