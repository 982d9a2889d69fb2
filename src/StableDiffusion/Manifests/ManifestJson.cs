using System.Text.Json;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Manifests;

/// <summary>
/// The file of a manifest. It may come from anywhere: names of files stay within the folder, and nothing in it is used as another path.
/// <code>
/// {
///   "manifest": "StableDiffusion", "version": 1,
///   "made": { "module": "...", "onnxRuntime": "...", "device": "..." },
///   "parts": [ { "kind": "Model", "name": "...", "hash": "...", "source": "owner/name", "revision": "..." } ],
///   "images": [ { "name": "a.png", "length": 743, "sha256": "...", "pixels": "...", "width": 64, "height": 64, "source": "PowerShell", "record": { } } ]
/// }
/// </code>
/// </summary>
internal static class ManifestJson
{
    private const string Kind = "StableDiffusion";
    private const int Version = 1;
    private const int HashLength = 64;

    private static readonly Limit s_limit = new("STABLEDIFFUSION_MAX_MANIFEST_MB", 64);

    /// <summary>The largest manifest in bytes: 64 MB, unless the environment variable says otherwise.</summary>
    public static long MaxLength => Math.Min(s_limit.Bytes, 1_000_000_000);

    /// <summary>What to do about a manifest that is larger.</summary>
    public static string Advice => $"At most {ByteSize.Format(MaxLength)} are read. Make a manifest for each of several folders, or set the environment variable {s_limit.Variable} to more megabytes.";

    /// <summary>Reads the bytes of a file.</summary>
    /// <param name="path">Its full path.</param>
    /// <exception cref="ManifestInvalidException">It does not exist, cannot be read, or is too large.</exception>
    public static byte[] ReadBytes(string path)
    {
        if (FolderManifest.IsName(Path.GetFileName(path)))
            throw new ManifestInvalidException($"'{path}' is an image. Give the manifest, or the folder that has it.") { Remedy = Remedy.MakeManifest };

        try
        {
            if (new FileInfo(path) is { Exists: true, LinkTarget: null, Length: long length } && length > MaxLength)
                throw new ManifestInvalidException($"'{path}' has {ByteSize.Format(length)}, too many for a manifest. {Advice}");
            return RegularFile.ReadAllBytes(path, MaxLength);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ManifestInvalidException($"There is no manifest '{path}'.", error) { Remedy = Remedy.MakeManifest };
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ManifestInvalidException($"The manifest '{path}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    /// <summary>The manifest as JSON.</summary>
    /// <param name="manifest">The manifest.</param>
    public static byte[] Format(FolderManifest manifest)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("manifest", Kind);
            json.WriteNumber("version", Version);
            json.WriteStartObject("made");
            Write(json, "module", manifest.Made.Module);
            Write(json, "onnxRuntime", manifest.Made.OnnxRuntime);
            Write(json, "device", manifest.Made.Device);
            json.WriteEndObject();
            json.WriteStartArray("parts");
            foreach (ManifestPart part in manifest.Parts)
                Write(json, part);
            json.WriteEndArray();
            json.WriteStartArray("images");
            foreach (ManifestImage image in manifest.Images)
                Write(json, image);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    /// <summary>Reads a manifest.</summary>
    /// <param name="bytes">Its JSON.</param>
    /// <param name="name">Its name in messages.</param>
    /// <exception cref="ManifestInvalidException">It is not a manifest, or is damaged.</exception>
    public static FolderManifest Parse(byte[] bytes, string name)
    {
        try
        {
            JsonElement root = ModelJson.ParseObject(bytes, name);
            if (Text(root, "manifest") != Kind)
                throw new ManifestInvalidException($"{name} is not the manifest of a folder of images. Check the path.");
            if (Number(root, "version") is var version && version != Version)
                throw new ManifestInvalidException($"{name} has the version {version}, and this is {ProductVersion.Text}, which knows the version {Version}. Use a newer one.");

            ManifestImage[] images = [.. List(root, "images").Select(Image)];
            if (images.GroupBy(static image => image.Name.Normalize(), StringComparer.OrdinalIgnoreCase).FirstOrDefault(static group => group.Count() > 1) is { } twice)
                throw Damaged($"it has the image '{ModelFilePath.Printable(twice.Key)}' twice");
            JsonElement made = Member(root, "made");
            return new FolderManifest(images, [.. List(root, "parts").Select(Part)], new StageMaker(Text(made, "module"), Text(made, "onnxRuntime"), Text(made, "device")));
        }
        catch (ModelInvalidException error)
        {
            throw new ManifestInvalidException(error.Message, error);
        }
        catch (JsonException error)
        {
            throw new ManifestInvalidException($"{name} is not a valid manifest: {error.Message}. Make it again from the folder.", error);
        }
    }

    private static ManifestImage Image(JsonElement json)
    {
        string name = Text(json, "name") ?? throw Damaged("an image has no name");
        if (!FolderManifest.IsName(name))
            throw Damaged($"'{ModelFilePath.Printable(name)}' is not the name of an image in the folder");

        GenerationInfo recorded = new();
        if (Member(json, "record") is { ValueKind: JsonValueKind.Object } record)
            recorded = RecordedNames.Only(GenerationRecord.Read(record.GetRawText()) ?? throw Damaged($"the record of '{ModelFilePath.Printable(name)}' cannot be read"));
        return new ManifestImage(RecordedNames.WithoutImages(GenerationRecord.Usable(recorded, []), []), recorded)
        {
            Name = name,
            Length = Number(json, "length") ?? throw Damaged($"the length of '{ModelFilePath.Printable(name)}' is missing"),
            FileHash = Hash("sha256"),
            PixelHash = Hash("pixels"),
            Width = Side("width"),
            Height = Side("height"),
            Source = Enum.TryParse(Text(json, "source"), out MetadataSource source) && Enum.IsDefined(source) ? source : MetadataSource.Unknown,
        };

        string Hash(string key) => Text(json, key) is { Length: HashLength } hash && hash.All(char.IsAsciiHexDigitLower) ? hash : throw Damaged($"the hash '{key}' of '{ModelFilePath.Printable(name)}' is not one of SHA-256");

        int Side(string key) => Number(json, key) is long side and > 0 and <= int.MaxValue ? (int)side : throw Damaged($"the {key} of '{ModelFilePath.Printable(name)}' is not one of an image");
    }

    private static ManifestPart Part(JsonElement json) => new(
        Text(json, "kind") ?? throw Damaged("a part has no kind"),
        Text(json, "name") ?? throw Damaged("a part has no name"),
        Text(json, "hash"),
        Text(json, "source"),
        Text(json, "revision"));

    private static void Write(Utf8JsonWriter json, ManifestPart part)
    {
        json.WriteStartObject();
        Write(json, "kind", part.Kind);
        Write(json, "name", part.Name);
        Write(json, "hash", part.Hash);
        Write(json, "source", part.Source);
        Write(json, "revision", part.Revision);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ManifestImage image)
    {
        json.WriteStartObject();
        json.WriteString("name", image.Name);
        json.WriteNumber("length", image.Length);
        json.WriteString("sha256", image.FileHash);
        json.WriteString("pixels", image.PixelHash);
        json.WriteNumber("width", image.Width);
        json.WriteNumber("height", image.Height);
        json.WriteString("source", image.Source.ToString());
        if (GenerationRecord.Write(RecordedNames.Only(image.InFile)) is { Length: > 0 } record)
        {
            json.WritePropertyName("record");
            json.WriteRawValue(record);
        }

        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string key, string? value)
    {
        if (value is not null)
            json.WriteString(key, value);
    }

    private static JsonElement Member(JsonElement json, string key) => json.ValueKind == JsonValueKind.Object && json.TryGetProperty(key, out JsonElement value) ? value : default;

    private static IEnumerable<JsonElement> List(JsonElement json, string key) => Member(json, key) is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray() : throw Damaged($"it has no list '{key}'");

    private static string? Text(JsonElement json, string key) => Member(json, key) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static long? Number(JsonElement json, string key) => Member(json, key) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out long value) ? value : null;

    private static JsonException Damaged(string what) => new(what);
}
