using System.Security.Cryptography;
using System.Text;
using StableDiffusion.Models.Building;
using StableDiffusion.Models.Configs;
using StableDiffusion.Models.Graphs;
using StableDiffusion.Models.Weights;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Tensors;

namespace StableDiffusion.Models;

/// <summary>
/// Makes the internal form of a model - a folder of ONNX graphs in the layout that optimum exports - of a folder in
/// diffusers' layout with safetensors weights. A model is built once and kept.
/// </summary>
internal static class ModelBuilder
{
    // Raise with every change of what the graphs compute or how they are written, so that older builds are left alone.
    private const int WriterVersion = 2;

    private const string GraphFile = "model.onnx";
    private const string ConfigName = "config.json";

    /// <summary>Gives the folder of the built model; the second time it is only looked up.</summary>
    /// <param name="sourceFolder">The folder that holds the model's <c>model_index.json</c>.</param>
    /// <param name="cacheRoot">The folder to keep built models in; it is made if need be.</param>
    /// <param name="progress">Is told how far the build has come, on the calling thread.</param>
    /// <param name="cancellationToken">Stops the build; nothing of it is left behind.</param>
    /// <returns>The full path of a folder below <paramref name="cacheRoot"/> that holds the whole model.</returns>
    /// <exception cref="ModelNotFoundException">The source, or a file that it must have, is missing.</exception>
    /// <exception cref="ModelInvalidException">A file of the source is damaged, contradicts its config, or is of a kind that cannot be built.</exception>
    /// <exception cref="OutputWriteException">The cache cannot be written to; nothing of the build is left behind.</exception>
    /// <exception cref="OperationCanceledException">The build was cancelled.</exception>
    public static string Build(
        string sourceFolder, string cacheRoot, Action<BuildProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        DiffusersFolder source = DiffusersFolder.Open(sourceFolder);
        BuildCache cache = new(Path.GetFullPath(cacheRoot));
        string key = GetKey(source, cache, progress, cancellationToken);
        return cache.Find(key) ?? cache.Add(key, folder => Write(source, folder, progress, cancellationToken));
    }

    /// <summary>The SHA-256 of a model's U-Net weights, by which pictures name the model; remembered since the build.</summary>
    /// <param name="sourceFolder">The folder that holds the model's <c>model_index.json</c>.</param>
    /// <param name="cacheRoot">The folder that built models are kept in.</param>
    /// <param name="cancellationToken">Stops the reading of weights that were never hashed.</param>
    /// <returns>64 hexadecimal digits.</returns>
    public static string HashUNet(string sourceFolder, string cacheRoot, CancellationToken cancellationToken)
    {
        DiffusersFolder source = DiffusersFolder.Open(sourceFolder);
        FileHashes hashes = FileHashes.Open(new BuildCache(Path.GetFullPath(cacheRoot)).HashFolder, source.Root);
        return hashes.Get(source.FullPath(source.UNetWeights), static _ => { }, cancellationToken);
    }

    private static string GetKey(
        DiffusersFolder source, BuildCache cache, Action<BuildProgress>? progress, CancellationToken cancellationToken)
    {
        FileHashes hashes = FileHashes.Open(cache.HashFolder, source.Root);
        string[] files = [.. source.Files];
        long total = files.Sum(file => FileHashes.Length(source.FullPath(file)));
        long done = 0;
        StringBuilder content = new($"writer {WriterVersion}\n");
        foreach (string file in files)
        {
            string hash = hashes.Get(source.FullPath(file), Report, cancellationToken);
            content.Append(hash).Append(' ').Append(file.Replace('\\', '/')).Append('\n');

            void Report(long bytes)
            {
                done += bytes;
                progress?.Invoke(new BuildProgress(BuildStage.Hashing, file, (double)done / total));
            }
        }

        hashes.Save();
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content.ToString())))[..32];
    }

    private static void Write(DiffusersFolder source, string folder, Action<BuildProgress>? progress, CancellationToken cancellationToken)
    {
        using SafetensorsFile textFile = SafetensorsFile.Open(source.FullPath(source.TextEncoderWeights));
        using SafetensorsFile unetFile = SafetensorsFile.Open(source.FullPath(source.UNetWeights));
        using SafetensorsFile vaeFile = SafetensorsFile.Open(source.FullPath(source.VaeWeights));
        FileWeights vaeWeights = new(vaeFile);
        ClipTextConfig textConfig = ClipTextConfig.Read(source.FullPath(DiffusersFolder.ConfigOf(DiffusersFolder.TextEncoder)));
        UNetConfig unetConfig = UNetConfig.Read(source.FullPath(DiffusersFolder.ConfigOf(DiffusersFolder.UNet)));
        VaeConfig vaeConfig = VaeConfig.Read(source.FullPath(DiffusersFolder.ConfigOf(DiffusersFolder.Vae)));
        if (textConfig.Width != unetConfig.TextWidth)
        {
            throw new ModelInvalidException(
                $"The text encoder of '{source.Root}' gives embeddings of width {textConfig.Width} ('hidden_size'), " +
                $"and its U-Net takes {unetConfig.TextWidth} ('cross_attention_dim'). The parts belong to different models.");
        }

        // Every graph is checked against its weights before the first byte is written.
        (string Part, string ConfigSource, GraphBuilder Graph)[] parts =
        [
            ("text_encoder", DiffusersFolder.TextEncoder, new ClipTextGraph(new FileWeights(textFile), textConfig).Build()),
            ("unet", DiffusersFolder.UNet, new UNetGraph(new FileWeights(unetFile), unetConfig).Build()),
            ("vae_encoder", DiffusersFolder.Vae, new VaeEncoderGraph(vaeWeights, vaeConfig).Build()),
            ("vae_decoder", DiffusersFolder.Vae, new VaeDecoderGraph(vaeWeights, vaeConfig).Build()),
        ];

        foreach (string file in source.CopiedFiles)
            Copy(source.FullPath(file), Path.Combine(folder, file));

        long total = parts.Sum(static part => part.Graph.InitializerBytes);
        long done = 0;
        foreach ((string part, string configSource, GraphBuilder graph) in parts)
        {
            Copy(source.FullPath(DiffusersFolder.ConfigOf(configSource)), Path.Combine(folder, part, ConfigName));
            graph.Save(Path.Combine(folder, part, GraphFile), Report, cancellationToken);

            void Report(long bytes)
            {
                done += bytes;
                progress?.Invoke(new BuildProgress(BuildStage.Writing, part, (double)done / total));
            }
        }
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);

        // Not File.Copy, which would also copy that a file is read-only.
        File.WriteAllBytes(to, File.ReadAllBytes(from));
    }
}
