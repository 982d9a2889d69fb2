using System.Text.Json;

namespace StableDiffusion.Storage;

/// <summary>
/// The folder of built models, each under its key. A build is written to a temporary folder beside them
/// and moved to its place in one step, so that each build is complete, even if others build the same or a build is interrupted.
/// </summary>
/// <param name="root">The full path of the folder.</param>
/// <param name="description">The description of the folder in messages.</param>
internal sealed class BuildCache(string root, string description = "the cache")
{
    private const string TemporaryPrefix = ".building-";
    private const string ManifestName = "build.json";

    private static readonly TimeSpan s_abandoned = TimeSpan.FromDays(1);

    /// <summary>The folder of the cached hashes of sources.</summary>
    public string HashFolder => Path.Combine(root, ".hashes");

    /// <summary>The folder of a built model, if it exists and is complete.</summary>
    /// <param name="key">The model's key.</param>
    /// <returns>The full path of its folder, or null.</returns>
    public string? Find(string key)
    {
        string folder = Path.Combine(root, key);
        try
        {
            string manifest = Path.Combine(folder, ManifestName);
            Dictionary<string, long>? files = JsonSerializer.Deserialize(RegularFile.ReadAllBytes(manifest, BuildJson.MaxLength), BuildJson.Default.DictionaryStringInt64);
            bool whole = files is not null
                && files.All(file => new FileInfo(Path.Combine(folder, file.Key)) is { Exists: true } info && info.Length == file.Value);
            return whole ? folder : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Builds a model.</summary>
    /// <param name="key">The model's key.</param>
    /// <param name="write">Writes all of the model's files to the given folder.</param>
    /// <param name="replace">Whether an existing, complete build is replaced.</param>
    /// <returns>The full path of the model's folder.</returns>
    /// <exception cref="OutputWriteException">The folder cannot be written to; no partial build remains.</exception>
    public string Add(string key, Action<string> write, bool replace = false) => Borrow(write, temporary =>
    {
        string folder = Path.Combine(root, key);
        WriteManifest(temporary);
        MoveInto(folder, temporary, key, replace);
        return folder;
    });

    /// <summary>Builds a model temporarily, and deletes it after use.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="write">Writes all of the model's files to the given folder.</param>
    /// <param name="use">Uses the model in that folder.</param>
    /// <returns>The result.</returns>
    /// <exception cref="OutputWriteException">The folder cannot be written to.</exception>
    public T Borrow<T>(Action<string> write, Func<string, T> use)
    {
        string temporary = Path.Combine(root, $"{TemporaryPrefix}{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(temporary);
            DeleteAbandoned();
            write(temporary);
            return use(temporary);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException(
                $"The model cannot be built in '{root}': {error.Message} Free some space there, or choose another folder for {description}.", error);
        }
        finally
        {
            AtomicWriter.TryDelete(temporary);
        }
    }

    private static void WriteManifest(string folder)
    {
        Dictionary<string, long> files = [];
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            files.Add(Path.GetRelativePath(folder, file).Replace('\\', '/'), new FileInfo(file).Length);
        File.WriteAllBytes(Path.Combine(folder, ManifestName), JsonSerializer.SerializeToUtf8Bytes(files, BuildJson.Default.DictionaryStringInt64));
    }

    private void MoveInto(string folder, string temporary, string key, bool replace)
    {
        // An incomplete build would block its place forever.
        string aside = Path.Combine(root, $"{TemporaryPrefix}{Guid.NewGuid():N}");
        try
        {
            AtomicWriter.MoveFolder(temporary, folder, aside, replace || (Directory.Exists(folder) && Find(key) is null));
        }
        catch (Exception error) when (error is IOException or OutputExistsException && Find(key) is not null)
        {
            // Another process was faster, and built the same.
        }
        finally
        {
            AtomicWriter.TryDelete(aside);
        }
    }

    private void DeleteAbandoned()
    {
        foreach (string folder in Directory.EnumerateDirectories(root, $"{TemporaryPrefix}*"))
        {
            if (DateTime.UtcNow - Directory.GetLastWriteTimeUtc(folder) > s_abandoned)
                AtomicWriter.TryDelete(folder);
        }
    }
}
