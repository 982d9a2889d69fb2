using System.Text.Json;
using StableDiffusion.Storage;

namespace StableDiffusion.Weights;

/// <summary>
/// The index of sharded weights (<c>*.safetensors.index.json</c> of diffusers and transformers). Its <c>weight_map</c> has, for
/// each tensor, the name of the file in the same folder that contains it.
/// </summary>
internal sealed class ShardIndex
{
    private const string Suffix = ".safetensors";

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
        JsonElement root = ModelJson.ParseObject(ModelJson.ReadBytes(fullPath, ModelJson.MaxLargeLength), $"'{fullPath}'");
        return root.TryGetProperty("weight_map", out JsonElement map) && map.ValueKind == JsonValueKind.Object
            ? new ShardIndex(fullPath, ReadMap(fullPath, map))
            : throw Invalid(fullPath, "it has no 'weight_map'");
    }

    /// <summary>The full paths of the files, all of which exist.</summary>
    /// <exception cref="ModelNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelInvalidException">A file is a link that leads out of the folder.</exception>
    public IReadOnlyList<string> FindFiles()
    {
        string[] paths = [.. Files.Select(FullPath)];
        foreach (string path in paths)
        {
            if (!File.Exists(path))
                throw new ModelNotFoundException($"There is no file '{path}', which '{Path}' names. Get the missing file as well.");
            FolderLinks.Check(System.IO.Path.GetDirectoryName(Path)!, path);
        }

        return paths;
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
                throw Invalid(path, $"a tensor is assigned to {ModelJson.Describe(item.Value)}, which is not the name of a {Suffix} file in the same folder");
            files.Add(item.Name, file);
        }

        return files.Count > 0 ? files : throw Invalid(path, "its 'weight_map' is empty");
    }

    private static ModelInvalidException Invalid(string path, string fault) =>
        new($"'{path}' is not an index of weight files: {fault}. Get the file again.");
}
