using System.Text.Json;

namespace StableDiffusion.Weights;

/// <summary>
/// The index of sharded weights (<c>*.safetensors.index.json</c> of diffusers and transformers). Its <c>weight_map</c> has, for
/// each tensor, the name of the file in the same folder that contains it.
/// </summary>
internal sealed class ShardIndex
{
    private const string Suffix = ".safetensors";
    private const long MaxLength = 1 << 26;

    private ShardIndex(string path, IReadOnlyDictionary<string, string> map)
    {
        Path = path;
        Map = map;
        SortedSet<string> files = new(map.Values, StringComparer.Ordinal);
        Files = [.. files];
    }

    public string Path { get; }

    /// <summary>The name of the file that contains a tensor, by the tensor's name.</summary>
    public IReadOnlyDictionary<string, string> Map { get; }

    /// <summary>The names of the files in order; all are in the folder of the index.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>The possible names of an index: without a variant, and with the variant <c>fp16</c> in either position.</summary>
    /// <param name="stem">The name of the weights without extensions, such as <c>diffusion_pytorch_model</c>.</param>
    /// <returns>The names, the most likely first.</returns>
    public static IReadOnlyList<string> NamesFor(string stem) =>
        [$"{stem}{Suffix}.index.json", $"{stem}{Suffix}.index.fp16.json", $"{stem}.fp16{Suffix}.index.json"];

    /// <summary>Reads an index. It does not check that the files exist.</summary>
    /// <param name="path">The path of the index.</param>
    /// <returns>The index.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged, or names a file outside its own folder.</exception>
    public static ShardIndex Read(string path)
    {
        string fullPath = System.IO.Path.GetFullPath(path);
        try
        {
            FileInfo info = new(fullPath);
            if (info.Exists && info.Length > MaxLength)
                throw Invalid(fullPath, $"it has {info.Length} bytes, and the limit is {MaxLength}");

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(fullPath));
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out JsonElement map)
                || map.ValueKind != JsonValueKind.Object)
            {
                throw Invalid(fullPath, "it has no 'weight_map'");
            }

            // A string that ends within a surrogate pair causes an InvalidOperationException.
            return new ShardIndex(fullPath, ReadMap(fullPath, map));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelNotFoundException($"There is no file '{fullPath}'.", error);
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            throw new ModelInvalidException($"'{fullPath}' cannot be read as JSON: {error.Message}", error);
        }
    }

    /// <summary>The full path of one of the files.</summary>
    /// <param name="file">Its name.</param>
    public string FullPath(string file) => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, file);

    private static Dictionary<string, string> ReadMap(string path, JsonElement map)
    {
        Dictionary<string, string> files = new(StringComparer.Ordinal);
        foreach (JsonProperty item in map.EnumerateObject())
        {
            string file = item.Value.ValueKind == JsonValueKind.String ? item.Value.GetString()! : string.Empty;

            // A name that includes a folder could lead anywhere, and no tool writes one.
            if (file.AsSpan().ContainsAny("/\\:\0") || !file.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase))
                throw Invalid(path, $"tensor '{item.Name}' is assigned to {item.Value.GetRawText()}, which is not the name of a {Suffix} file in the same folder");
            if (!files.TryAdd(item.Name, file))
                throw Invalid(path, $"it names tensor '{item.Name}' twice");
        }

        return files.Count > 0 ? files : throw Invalid(path, "its 'weight_map' is empty");
    }

    private static ModelInvalidException Invalid(string path, string fault) =>
        new($"'{path}' is not an index of weight files: {fault}. Get the file again.");
}
