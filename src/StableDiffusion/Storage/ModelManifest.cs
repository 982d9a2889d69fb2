using System.Text.Json;
using System.Text.Json.Serialization;

namespace StableDiffusion.Storage;

/// <summary>
/// What a saved model consists of and where it came from, kept in its folder as <see cref="FileName"/>, so that its
/// files can be checked later:
/// <code>
/// {
///   "source": { "kind": "hub", "id": "owner/name", "revision": "the commit", "requested": "main" },
///   "files": { "unet/config.json": { "length": 743, "sha256": "64 hexadecimal digits" } }
/// }
/// </code>
/// </summary>
public sealed record ModelManifest
{
    /// <summary>The name of the file in the model's folder.</summary>
    public const string FileName = "model_manifest.json";

    private const int Sha256Digits = 64;

    /// <summary>Where the model came from.</summary>
    public required ModelSource Source { get; init; }

    /// <summary>The model's files by their path from its folder, with <c>/</c> between the parts; not the manifest itself.</summary>
    public required IReadOnlyDictionary<string, ModelFile> Files { get; init; }

    /// <summary>Reads the manifest of a model's folder.</summary>
    /// <param name="folder">The folder; a model's single file has no manifest.</param>
    /// <returns>The manifest, or null where there is none.</returns>
    /// <exception cref="ModelInvalidException">The manifest is damaged, or names a file outside the folder.</exception>
    public static ModelManifest? Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (File.Exists(folder))
            return null;

        try
        {
            return Parse(File.ReadAllBytes(path), path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Invalid(path, error.Message, error);
        }
    }

    /// <summary>Reads a manifest.</summary>
    /// <param name="json">Its JSON.</param>
    /// <param name="path">Where it comes from, for messages.</param>
    /// <exception cref="ModelInvalidException">It is damaged, or names a file outside the model's folder.</exception>
    internal static ModelManifest Parse(ReadOnlySpan<byte> json, string path)
    {
        try
        {
            ModelManifest manifest = JsonSerializer.Deserialize(json, ModelManifestJson.Default.ModelManifest)
                ?? throw Invalid(path, "it holds nothing");
            foreach ((string name, ModelFile file) in manifest.Files)
            {
                if (!ModelFilePath.IsSafe(name))
                    throw Invalid(path, $"'{name}' is no path of a file in the model's folder");
                if (file is null || file.Length < 0 || file.Sha256.Length != Sha256Digits || !file.Sha256.All(char.IsAsciiHexDigit))
                    throw Invalid(path, $"the length or the hash of '{name}' is none");
            }

            return manifest;
        }
        catch (JsonException error)
        {
            throw Invalid(path, error.Message, error);
        }
    }

    /// <summary>The manifest as it is written.</summary>
    internal byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, ModelManifestJson.Default.ModelManifest);

    /// <summary>Checks that a model's files are still what they were.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="hashes">The remembered hashes of the folder's files.</param>
    /// <param name="cancellationToken">Stops the reading of files that were never read before.</param>
    /// <exception cref="ModelInvalidException">A file is missing or has changed; the message names it.</exception>
    internal void Check(string folder, FileHashes hashes, CancellationToken cancellationToken)
    {
        if (Compare(folder, hashes, cancellationToken).FirstOrDefault() is string fault)
            throw new ModelInvalidException(fault);
        hashes.Save();
    }

    /// <summary>Compares a model's files with what they were, reading every one anew.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>What is wrong, a sentence a file.</returns>
    internal IEnumerable<string> Compare(string folder, CancellationToken cancellationToken) =>
        Compare(folder, FileHashes.Forgetful(folder), cancellationToken);

    private IEnumerable<string> Compare(string folder, FileHashes hashes, CancellationToken cancellationToken)
    {
        foreach ((string name, ModelFile file) in Files)
        {
            string path = Path.Combine(folder, name);
            if (!File.Exists(path))
                yield return $"The model's file '{path}' is missing. Get or import the model again.";
            else if (FileHashes.Length(path) != file.Length || !string.Equals(hashes.Get(path, static _ => { }, cancellationToken), file.Sha256, StringComparison.OrdinalIgnoreCase))
                yield return $"The model's file '{path}' is not what it was when the model came here: it is damaged or was changed. Get or import the model again.";
        }
    }

    /// <summary>Writes the manifest into a model's folder, in place of one that lies there.</summary>
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
            throw new OutputWriteException($"The file '{path}' cannot be written: {error.Message} See to it that the folder may be written to and that the disk has room.", error);
        }
    }

    private static ModelInvalidException Invalid(string path, string what, Exception? cause = null) =>
        new($"'{path}' is no manifest of a model: {what}. Get the model again.", cause);
}

/// <summary>Where a model came from.</summary>
public sealed record ModelSource
{
    /// <summary>The kind of what was imported from a file or folder: the id is its name, the revision the SHA-256 of the file that pictures name it by.</summary>
    public const string Import = "import";

    /// <summary>The kind of place: <c>hub</c>, or how else it came here.</summary>
    public required string Kind { get; init; }

    /// <summary>What the model is called there, such as <c>owner/name</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Which state of it: a hub's commit. Null where there is no such thing.</summary>
    public string? Revision { get; init; }

    /// <summary>The branch, tag or commit that was asked for. Null where there is no such thing.</summary>
    public string? Requested { get; init; }
}

/// <summary>A file of a model as its manifest knows it.</summary>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Sha256">Its SHA-256 in hexadecimal digits.</param>
public sealed record ModelFile(long Length, string Sha256);

/// <summary>The manifest as JSON, generated when compiled.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ModelManifest))]
internal sealed partial class ModelManifestJson : JsonSerializerContext;
