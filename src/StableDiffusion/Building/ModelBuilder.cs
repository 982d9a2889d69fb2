using System.Security.Cryptography;
using System.Text;
using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Storage;

namespace StableDiffusion.Building;

/// <summary>Writes a U-Net in another form than the builder's own, after all other parts of its model.</summary>
/// <param name="network">The U-Net.</param>
/// <param name="folder">The model's folder, with all other parts in it.</param>
/// <param name="progress">Is told how far the writing has come, on the calling thread; may be null.</param>
/// <param name="cancellationToken">Stops the writing.</param>
internal delegate void UNetWriter(ModelNetwork network, string folder, Action<BuildProgress>? progress, CancellationToken cancellationToken);

/// <summary>
/// Makes the internal form of a model - a folder of ONNX graphs in the layout that optimum exports - of any form that
/// holds its weights. A model is built once and kept.
/// </summary>
internal static class ModelBuilder
{
    // Raise with every change of what the graphs compute or how they are written, so that older builds are left alone.
    private const int WriterVersion = 5;

    /// <summary>Gives the folder of the built model; the second time it is only looked up.</summary>
    /// <param name="source">The model.</param>
    /// <param name="cacheRoot">The folder to keep built models in; it is made if need be.</param>
    /// <param name="progress">Is told how far the build has come, on the calling thread.</param>
    /// <param name="cancellationToken">Stops the build; nothing of it is left behind.</param>
    /// <param name="writeInteger">Writes the U-Net in 8-bit integers, where the source asks for those; null where none does.</param>
    /// <returns>The full path of a folder below <paramref name="cacheRoot"/> that holds the whole model.</returns>
    /// <exception cref="ModelNotFoundException">A file that the source must have is missing.</exception>
    /// <exception cref="ModelInvalidException">A file of the source is damaged, contradicts its config, or is of a kind that cannot be built.</exception>
    /// <exception cref="OutputWriteException">The cache cannot be written to; nothing of the build is left behind.</exception>
    /// <exception cref="OperationCanceledException">The build was cancelled.</exception>
    public static string Build(
        IModelSource source, string cacheRoot, Action<BuildProgress>? progress = null, CancellationToken cancellationToken = default, UNetWriter? writeInteger = null)
    {
        BuildCache cache = new(Path.GetFullPath(cacheRoot));
        string key = GetKey(source, cache, progress, cancellationToken);
        return cache.Find(key) ?? cache.Add(key, folder => Write(source, folder, progress, cancellationToken, writeInteger));
    }

    /// <summary>The SHA-256 of the file by which images name a model; remembered since the build.</summary>
    /// <param name="source">The model.</param>
    /// <param name="cacheRoot">The folder that built models are kept in.</param>
    /// <param name="cancellationToken">Stops the reading of weights that were never hashed.</param>
    /// <returns>64 hexadecimal digits.</returns>
    public static string Hash(IModelSource source, string cacheRoot, CancellationToken cancellationToken)
    {
        FileHashes hashes = FileHashes.Open(new BuildCache(Path.GetFullPath(cacheRoot)).HashFolder, source.Path);
        return hashes.Get(source.NamingFile, static _ => { }, cancellationToken);
    }

    /// <summary>The key of what would be built: a hash of all that decides it.</summary>
    /// <inheritdoc cref="Build"/>
    public static string GetKey(
        IModelSource source, BuildCache cache, Action<BuildProgress>? progress, CancellationToken cancellationToken)
    {
        FileHashes hashes = FileHashes.Open(cache.HashFolder, source.Path);
        IReadOnlyList<(string Name, string Path)> inputs = source.Inputs;
        long total = inputs.Sum(input => FileHashes.Length(input.Path));
        long done = 0;
        List<(string Name, string Hash)> content = [];
        foreach ((string name, string path) in inputs)
        {
            content.Add((name, hashes.Get(path, Report, cancellationToken)));

            void Report(long bytes)
            {
                done += bytes;
                progress?.Invoke(new BuildProgress(BuildStage.Hashing, name, done, total));
            }
        }

        hashes.Save();
        return GetKey(source.Options, content);
    }

    /// <summary>The key of what would be built of files whose hashes are known.</summary>
    /// <param name="options">The source's options.</param>
    /// <param name="inputs">The name and the SHA-256, in lower-case hexadecimal digits, of each of its inputs.</param>
    public static string GetKey(string options, IEnumerable<(string Name, string Hash)> inputs)
    {
        string content = $"writer {WriterVersion}\n{options}{string.Concat(inputs.Select(static input => $"{input.Hash} {input.Name}\n"))}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)))[..32];
    }

    /// <summary>Writes a model's internal form.</summary>
    /// <param name="source">The model.</param>
    /// <param name="folder">The folder to write into.</param>
    /// <param name="progress">Is told how far the writing has come, on the calling thread.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <param name="writeInteger">Writes the U-Net in 8-bit integers, where the source asks for those; null where none does.</param>
    public static void Write(
        IModelSource source, string folder, Action<BuildProgress>? progress, CancellationToken cancellationToken, UNetWriter? writeInteger = null)
    {
        using ModelContents contents = source.Open();
        Write(contents, source, folder, progress, cancellationToken, writeInteger);
    }

    /// <summary>Writes a model's internal form.</summary>
    /// <param name="contents">What the model's source holds.</param>
    /// <param name="source">The source.</param>
    /// <param name="folder">The folder to write into.</param>
    /// <param name="progress">Is told how far the writing has come, on the calling thread.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    /// <param name="writeInteger">Writes the U-Net in 8-bit integers, where the source asks for those; null where none does.</param>
    public static void Write(
        ModelContents contents, IModelSource source, string folder, Action<BuildProgress>? progress, CancellationToken cancellationToken, UNetWriter? writeInteger = null)
    {
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
                progress?.Invoke(new BuildProgress(BuildStage.Writing, part.Name, done, total));
            }
        }

        if (isInteger)
            writeInteger!(contents.Networks.Single(static network => network.Name == ModelParts.UNet), folder, progress, cancellationToken);
    }

    private static void WriteFile(string path, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }
}
