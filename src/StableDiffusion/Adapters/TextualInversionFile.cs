using StableDiffusion.Tensors;
using StableDiffusion.Text;
using StableDiffusion.Weights;

namespace StableDiffusion.Adapters;

/// <summary>Reads the files of textual inversion embeddings.</summary>
public static class TextualInversionFile
{
    private const string A1111Vectors = "string_to_param.";
    private const string WebUiVectors = "emb_params";

    /// <summary>Reads a file of A1111 (<c>emb_params</c>, <c>string_to_param</c>), of diffusers (one tensor, named after the word), or for SDXL (<c>clip_l</c>, <c>clip_g</c>).</summary>
    /// <param name="path">The path of a safetensors or PyTorch file.</param>
    /// <param name="hasName">Whether the file is found by its name; images then record the name in place of the path.</param>
    /// <returns>The embedding.</returns>
    /// <exception cref="AdapterNotFoundException">There is no such file.</exception>
    /// <exception cref="AdapterInvalidException">The file is damaged, or is not an embedding.</exception>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public static TextualInversion Load(string path, bool hasName = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.GetFullPath(path);
        try
        {
            using ITensorFile file = AdapterFiles.Open(full, "embedding");
            (string? ownName, Dictionary<string, string> tensors) = Recognise(file);
            Dictionary<string, Tensor> vectors = tensors.ToDictionary(entry => entry.Key, entry => Read(file, entry.Value), StringComparer.Ordinal);
            string name = ownName ?? file.Metadata.GetValueOrDefault("name") ?? Path.GetFileNameWithoutExtension(full);
            if (!TextualInversion.IsWord(name))
                name = Path.GetFileNameWithoutExtension(full);
            return vectors.Values.Select(tensor => tensor.Shape[0]).Distinct().Count() == 1
                ? new TextualInversion(full, AdapterFiles.Hash(full), name, vectors) { HasFileName = hasName }
                : throw new AdapterInvalidException($"The embedding '{full}' has different numbers of vectors for the text encoders. Get the file again.");
        }
        catch (ModelInvalidException error)
        {
            throw new AdapterInvalidException(error.Message, error);
        }
    }

    private static (string? Name, Dictionary<string, string> Tensors) Recognise(ITensorFile file)
    {
        string[] encoders = [.. new[] { TextualInversion.FirstEncoder, TextualInversion.SecondEncoder }.Where(file.Tensors.ContainsKey)];
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
        _ = file.FindFloatShape(name);
        StoredTensor stored = file.Find(name);
        bool isVectors = stored.Shape.Count is 1 or 2 && stored.Count > 0 && (stored.Shape.Count == 1 || stored.Shape[0] <= TextualInversion.MostVectors);
        if (!isVectors)
            throw new AdapterInvalidException($"The tensor '{name}' in '{file.Path}' has the shape {stored.ShapeText}; an embedding has 1 to {TextualInversion.MostVectors} vectors.");

        Tensor tensor = file.Read(name);
        if (tensor.FindUnusable() is string fault)
            throw new AdapterInvalidException($"The embedding '{file.Path}' has a value that is {fault}. Get the file again.");
        return tensor.Rank == 1 ? tensor.Reshape(1, tensor.Length) : tensor;
    }
}
