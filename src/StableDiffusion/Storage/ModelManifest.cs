using System.Text.Json;
using System.Text.Json.Serialization;

namespace StableDiffusion.Storage;

/// <summary>
/// The files and the origin of a saved model, stored in its folder as <see cref="FileName"/>, so that its
/// files can be checked later:
/// <code>
/// {
///   "source": { "kind": "hub", "id": "owner/name", "revision": "the commit", "requested": "main" },
///   "files": { "unet/config.json": { "length": 743, "sha256": "64 hexadecimal digits" } }
/// }
/// </code>
/// </summary>
internal sealed record ModelManifest
{
    /// <summary>The name of the file in the model's folder.</summary>
    public const string FileName = "model_manifest.json";

    private const int Sha256Digits = 64;
    /// <summary>The origin of the model.</summary>
    public required ModelSource Source { get; init; }

    /// <summary>The model's files by their path from its folder, with <c>/</c> between the parts; not the manifest itself.</summary>
    public required IReadOnlyDictionary<string, ModelFile> Files { get; init; }

    /// <summary>Whether an image of one step was made with the model before it was kept.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsTested { get; init; }

    /// <summary>Reads the manifest of a model's folder.</summary>
    /// <param name="folder">The folder; a model's single file has no manifest.</param>
    /// <returns>The manifest, or null if there is none.</returns>
    /// <exception cref="ModelInvalidException">The manifest is damaged, names a file outside the folder, or is a link that leads out of it.</exception>
    public static ModelManifest? Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (File.Exists(folder))
            return null;

        FolderLinks.Check(folder, path);
        return Path.Exists(path) ? Parse(ModelJson.ReadBytes(path, ModelJson.MaxLength), path) : null;
    }

    /// <summary>Reads a manifest.</summary>
    /// <param name="json">Its JSON.</param>
    /// <param name="path">Its path in messages.</param>
    /// <exception cref="ModelInvalidException">It is damaged, or names a file outside the model's folder.</exception>
    internal static ModelManifest Parse(ReadOnlySpan<byte> json, string path)
    {
        try
        {
            ModelManifest manifest = JsonSerializer.Deserialize(json, ModelManifestJson.Default.ModelManifest)
                ?? throw Invalid(path, "it is empty");
            foreach ((string name, ModelFile file) in manifest.Files)
            {
                if (!ModelFilePath.IsSafe(name))
                    throw Invalid(path, "it names a file that is not in the model's folder");
                if (file is null || file.Length < 0 || file.Sha256.Length != Sha256Digits || !file.Sha256.All(char.IsAsciiHexDigit))
                    throw Invalid(path, $"the length or the hash of '{ModelFilePath.Printable(name)}' is invalid");
            }

            return manifest;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // Half of an escaped surrogate pair is an InvalidOperationException.
            throw Invalid(path, error is JsonException damage ? ModelJson.Fault(damage) : "it has text that is not valid Unicode", error);
        }
    }

    /// <summary>The manifest as JSON.</summary>
    internal byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ModelManifestJson.Default.ModelManifest);

    /// <summary>Checks that a model's files have not changed.</summary>
    /// <exception cref="ModelInvalidException">A file is missing or has changed; the message names it.</exception>
    internal void Check(string folder, FileHashes hashes, CancellationToken cancellationToken)
    {
        if (Compare(folder, hashes, cancellationToken).FirstOrDefault() is string fault)
            throw new ModelInvalidException(fault);
        hashes.Save();
    }

    /// <summary>Compares a model's files with the manifest, reading every file.</summary>
    /// <returns>The problems, one sentence for each file.</returns>
    internal IEnumerable<string> Compare(string folder, CancellationToken cancellationToken) =>
        Compare(folder, FileHashes.Forgetful(folder), cancellationToken);

    /// <summary>Whether all files of a model exist and have their lengths; they are not read.</summary>
    internal bool HasLengths(string folder) =>
        Files.All(file => new FileInfo(Path.Combine(folder, file.Key)) is { Exists: true } && FileHashes.Length(Path.Combine(folder, file.Key)) == file.Value.Length);

    private IEnumerable<string> Compare(string folder, FileHashes hashes, CancellationToken cancellationToken)
    {
        foreach ((string name, ModelFile file) in Files)
        {
            string path = Path.Combine(folder, name);
            if (!File.Exists(path))
                yield return $"The model's file '{path}' is missing. Download or import the model again.";
            else if (FileHashes.Length(path) != file.Length || !string.Equals(hashes.Get(path, static _ => { }, cancellationToken), file.Sha256, StringComparison.OrdinalIgnoreCase))
                yield return $"The model's file '{path}' has changed since the model was saved: it is damaged or was modified. Download or import the model again.";
        }
    }

    /// <summary>Writes the manifest to a model's folder, replacing an existing one.</summary>
    /// <param name="folder">The folder, which must exist.</param>
    /// <exception cref="OutputWriteException">The file cannot be written.</exception>
    public void Write(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            AtomicWriter.WriteFile(path, stream => stream.Write(ToJson()));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The file '{path}' cannot be written: {Sentence.Of(error)} Make sure that the folder is writable and that the disk has enough space.", error);
        }
    }

    private static ModelInvalidException Invalid(string path, string what, Exception? cause = null) =>
        new($"'{path}' is not a valid model manifest: {what}. Download the model again.", cause);
}

/// <summary>The origin of a model.</summary>
internal sealed record ModelSource
{
    /// <summary>The kind of a model that was imported from a file or folder: the ID is its name, the revision the SHA-256 of the file that identifies it in images.</summary>
    public const string Import = "import";

    /// <summary>The kind of origin: <c>hub</c> or <c>import</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The ID of the model there, such as <c>owner/name</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The revision: a hub's commit. Null if there is none.</summary>
    public string? Revision { get; init; }

    /// <summary>The requested branch, tag or commit. Null if there is none.</summary>
    public string? Requested { get; init; }
}

/// <summary>A file of a model in its manifest.</summary>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Sha256">Its SHA-256 in hexadecimal digits.</param>
internal sealed record ModelFile(long Length, string Sha256);

/// <summary>Serializes the manifest as JSON; source-generated.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ModelManifest))]
internal sealed partial class ModelManifestJson : JsonSerializerContext;
