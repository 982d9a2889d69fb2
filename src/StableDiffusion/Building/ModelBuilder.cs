using System.Security.Cryptography;
using System.Text;
using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Storage;

namespace StableDiffusion.Building;

/// <summary>Writes a U-Net in a form that the builder does not support itself, after all other parts of its model.</summary>
/// <param name="network">The U-Net.</param>
/// <param name="folder">The model's folder, with all other parts in it.</param>
/// <param name="progress">Receives the progress, on the calling thread; may be null.</param>
/// <param name="cancellationToken">Cancels the writing.</param>
internal delegate void UNetWriter(ModelNetwork network, string folder, ProgressClock? progress, CancellationToken cancellationToken);

/// <summary>
/// Builds the internal form of a model - a folder of ONNX graphs in the layout of optimum - from any form that
/// contains its weights. A model is built once and kept.
/// </summary>
internal static class ModelBuilder
{
    // Increase with every change of what the graphs compute or how they are written, so that older builds are not used.
    private const int WriterVersion = 7;

    private const int MostAttempts = 3;

    /// <summary>Builds a model and returns its folder; a model that is already built is only looked up.</summary>
    /// <param name="source">The model.</param>
    /// <param name="cacheRoot">The folder for built models; it is created if necessary.</param>
    /// <param name="progress">Receives the progress, on the calling thread.</param>
    /// <param name="cancellationToken">Cancels the build; no partial build remains.</param>
    /// <param name="writeInteger">Writes the U-Net in 8-bit integers, if the source specifies that; null if it does not.</param>
    /// <returns>The full path of a folder below <paramref name="cacheRoot"/> with the complete model.</returns>
    /// <exception cref="ModelNotFoundException">A required file of the source is missing.</exception>
    /// <exception cref="ModelInvalidException">A file of the source is damaged, contradicts its config, or its kind is not supported.</exception>
    /// <exception cref="OutputWriteException">The cache cannot be written to; no partial build remains.</exception>
    /// <exception cref="OperationCanceledException">The build was cancelled.</exception>
    public static string Build(
        IModelSource source, string cacheRoot, ProgressClock? progress = null, CancellationToken cancellationToken = default, UNetWriter? writeInteger = null)
    {
        using RentedBuild build = Rent(source, cacheRoot, progress, cancellationToken, writeInteger);
        return build.Folder;
    }

    /// <summary>Builds a model unless it is already built, and holds it, so that it is not deleted.</summary>
    /// <returns>The model's folder; dispose it after the last use.</returns>
    /// <inheritdoc cref="Build"/>
    public static RentedBuild Rent(
        IModelSource source, string cacheRoot, ProgressClock? progress, CancellationToken cancellationToken, UNetWriter? writeInteger = null)
    {
        BuildCache cache = new(Path.GetFullPath(cacheRoot));
        string key = GetKey(source, cache, progress, cancellationToken);
        for (int attempt = 0; attempt < MostAttempts; attempt++)
        {
            // Another process may delete it before it is rented.
            if (cache.Rent(key, cancellationToken) is RentedBuild build)
            {
                build.IsNew = attempt > 0;
                return build;
            }

            AddTo(cache, key, source, folder => Write(source, folder, progress, cancellationToken, writeInteger));
        }

        throw new OutputWriteException($"The graphs of '{source.Path}' are deleted from '{cacheRoot}' or changed as soon as they are built. Stop the program that does it, or set {StorageFolders.CacheVariable} to another folder.");
    }

    /// <summary>Finds a model that is built, without reading its weights: a build remembers their hashes.</summary>
    /// <param name="source">The model.</param>
    /// <param name="cacheRoot">The folder for built models.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The full path of its folder; null if it is not built.</returns>
    public static string? Find(IModelSource source, string cacheRoot, CancellationToken cancellationToken)
    {
        BuildCache cache = new(Path.GetFullPath(cacheRoot));
        FileHashes hashes = FileHashes.Open(cache.HashFolder, source.Path);
        return source.Inputs.All(input => LimitOf(input.Name) is not null || FileHashes.IsSmall(input.Path) || hashes.Knows(input.Path))
            ? cache.Find(GetKey(source, cache, progress: null, cancellationToken))
            : null;
    }

    /// <summary>Adds a model to a cache. The hashes of a source that is refused are not kept.</summary>
    private static void AddTo(BuildCache cache, string key, IModelSource source, Action<string> write)
    {
        try
        {
            cache.Add(key, write);
        }
        catch (DiffusionException error) when (error is not OutputWriteException)
        {
            FileHashes.Forget(cache.HashFolder, source.Path);
            throw;
        }
    }

    /// <summary>The SHA-256 of the file that identifies a model in images; cached since the build.</summary>
    /// <param name="source">The model.</param>
    /// <param name="cacheRoot">The folder of the built models.</param>
    /// <param name="cancellationToken">Cancels the reading of weights that were not hashed before.</param>
    /// <returns>64 hexadecimal digits.</returns>
    public static string Hash(IModelSource source, string cacheRoot, CancellationToken cancellationToken)
    {
        FileHashes hashes = FileHashes.Open(new BuildCache(Path.GetFullPath(cacheRoot)).HashFolder, source.Path);
        return hashes.Get(source.NamingFile, static _ => { }, cancellationToken);
    }

    /// <summary>The key of a build: a hash of everything that determines it.</summary>
    /// <inheritdoc cref="Build"/>
    public static string GetKey(
        IModelSource source, BuildCache cache, ProgressClock? progress, CancellationToken cancellationToken)
    {
        FileHashes hashes = FileHashes.Open(cache.HashFolder, source.Path);
        IReadOnlyList<(string Name, string Path)> inputs = source.Inputs;
        foreach ((string name, string path) in inputs)
        {
            if (LimitOf(name) is long limit)
                ModelJson.CheckLength(path, limit);
        }

        long total = inputs.Sum(input => FileHashes.Length(input.Path));
        long done = 0;

        // Gigabytes are hashed only of what can be a model.
        if (!inputs.All(input => LimitOf(input.Name) is not null || hashes.Knows(input.Path)))
            Check(source);

        List<(string Name, string Hash)> content = [];
        foreach ((string name, string path) in inputs)
        {
            content.Add((name, hashes.Get(path, Report, cancellationToken)));

            void Report(long bytes)
            {
                done += bytes;
                progress?.Report(BuildActivity.Hashing, name, done, total);
            }
        }

        hashes.Save();
        return GetKey(source.Options, content);
    }

    /// <summary>The key of a build from files whose hashes are known.</summary>
    /// <param name="options">The source's options.</param>
    /// <param name="inputs">The name and the SHA-256, in lower-case hexadecimal digits, of each of its inputs.</param>
    public static string GetKey(string options, IEnumerable<(string Name, string Hash)> inputs)
    {
        string content = $"writer {WriterVersion}\n{options}{string.Concat(inputs.Select(static input => $"{input.Hash} {input.Name}\n"))}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)))[..32];
    }

    /// <summary>Checks that a model can be built, by its configs and the shapes of its weights, which are not read.</summary>
    /// <param name="source">The model.</param>
    /// <exception cref="ModelNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelInvalidException">A file is damaged, contradicts its config, or its kind is not supported.</exception>
    public static void Check(IModelSource source)
    {
        using ModelContents contents = source.Open();
        if (contents.CopiedFrom is null)
            _ = ModelGraph.Make(contents, source);
    }

    /// <summary>Writes a model's internal form.</summary>
    /// <param name="source">The model.</param>
    /// <param name="folder">The folder to write to.</param>
    /// <param name="progress">Receives the progress, on the calling thread.</param>
    /// <param name="cancellationToken">Cancels the writing.</param>
    /// <param name="writeInteger">Writes the U-Net in 8-bit integers, if the source specifies that; null if it does not.</param>
    public static void Write(
        IModelSource source, string folder, ProgressClock? progress, CancellationToken cancellationToken, UNetWriter? writeInteger = null)
    {
        using ModelContents contents = source.Open();
        Write(contents, source, folder, progress, cancellationToken, writeInteger);
    }

    /// <summary>Writes a model's internal form.</summary>
    /// <param name="contents">The contents of the model's source.</param>
    /// <param name="source">The source.</param>
    /// <param name="folder">The folder to write to.</param>
    /// <param name="progress">Receives the progress, on the calling thread.</param>
    /// <param name="cancellationToken">Cancels the writing.</param>
    /// <param name="writeInteger">Writes the U-Net in 8-bit integers, if the source specifies that; null if it does not.</param>
    public static void Write(
        ModelContents contents, IModelSource source, string folder, ProgressClock? progress, CancellationToken cancellationToken, UNetWriter? writeInteger = null)
    {
        if (contents.CopiedFrom is not null)
        {
            contents.CopyTo(folder, progress, cancellationToken);
            return;
        }

        // Every graph is checked against its weights before the first byte is written.
        bool isInteger = source.Precision == ModelPrecision.Int8;
        if (isInteger)
            ArgumentNullException.ThrowIfNull(writeInteger);
        ModelGraph[] graphs = [.. ModelGraph.Make(contents, source).Where(part => !isInteger || part.Name != ModelParts.UNet)];
        foreach ((string file, byte[] bytes) in contents.Files)
            WriteFile(Path.Combine(folder, file), bytes);

        long total = graphs.Sum(static part => part.Graph.InitializerBytes);
        long done = 0;
        foreach (ModelGraph part in graphs)
        {
            part.Save(folder, Report, cancellationToken);

            void Report(long bytes)
            {
                done += bytes;
                progress?.Report(BuildActivity.Writing, part.Name, done, total);
            }
        }

        if (isInteger)
            writeInteger!(contents.Networks.Single(static network => network.Name == ModelParts.UNet), folder, progress, cancellationToken);
    }

    /// <summary>The largest length of an input that is read into memory as a whole; null for weights and graphs.</summary>
    internal static long? LimitOf(string name)
    {
        if (name.StartsWith(ModelParts.Tokenizer, StringComparison.Ordinal) || name.Contains(".index.", StringComparison.Ordinal))
            return ModelJson.MaxLargeLength;
        return name.EndsWith(".json", StringComparison.Ordinal) ? ModelJson.MaxLength : null;
    }

    private static void WriteFile(string path, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }
}
