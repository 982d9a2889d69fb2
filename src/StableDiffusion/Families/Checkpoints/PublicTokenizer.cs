using System.Text;

namespace StableDiffusion.Families.Checkpoints;

/// <summary>CLIP's public vocabulary, for models whose files do not contain one. All CLIP encoders of Stable Diffusion use it.</summary>
internal static class PublicTokenizer
{
    private const string ResourceFolder = "clip-tokenizer/";
    private const string Config = "tokenizer_config.json";

    private static readonly string[] s_vocabulary = ["merges.txt", "vocab.json"];

    /// <summary>The files of a tokenizer's folder.</summary>
    /// <param name="folder">The folder's name in the model.</param>
    /// <param name="paddingToken">The token that short prompts are padded with; null for the token that ends a text.</param>
    /// <returns>Their paths in the model and their bytes.</returns>
    public static IEnumerable<(string Path, byte[] Bytes)> Files(string folder, string? paddingToken)
    {
        foreach (string name in s_vocabulary)
            yield return (Path.Combine(folder, name), Read(name));

        byte[] config = Read(Config);
        if (paddingToken is not null)
            config = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(config).Replace("\"pad_token\": \"<|endoftext|>\"", $"\"pad_token\": \"{paddingToken}\"", StringComparison.Ordinal));
        yield return (Path.Combine(folder, Config), config);
    }

    private static byte[] Read(string name)
    {
        using Stream resource = typeof(PublicTokenizer).Assembly.GetManifestResourceStream(ResourceFolder + name)!;
        byte[] bytes = new byte[resource.Length];
        resource.ReadExactly(bytes);
        return bytes;
    }
}
