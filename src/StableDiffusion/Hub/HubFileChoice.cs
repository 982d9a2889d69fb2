using System.Globalization;
using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Storage;

namespace StableDiffusion.Hub;

/// <summary>
/// Chooses the files of a repository that a model needs. Repositories often have the same weights in several forms, and images
/// and samples as well; in total, often five times what is needed.
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="files">All files of the repository.</param>
internal sealed class HubFileChoice(HubRepository repository, IReadOnlyList<HubFile> files)
{
    private const string ModelIndex = "model_index.json";
    private const string Config = "config.json";
    private const int ListedFiles = 20;

    // The parts that the library reads. Others, such as safety_checker and feature_extractor, are common in pipelines too.
    private static readonly string[] s_weightParts = [.. ModelFamily.AllBackbones, ModelParts.Vae, .. ModelFamily.AllEncoderSuffixes.Select(static suffix => ModelParts.TextEncoder + suffix)];
    private static readonly string[] s_textParts = [.. ModelFamily.AllEncoderSuffixes.Select(static suffix => ModelParts.Tokenizer + suffix), "scheduler"];
    private static readonly string[] s_graphParts = [.. s_weightParts, .. s_textParts, ModelParts.VaeEncoder, ModelParts.VaeDecoder];

    private static readonly string[] s_rootFiles = [ModelIndex, "generation_config.json"];

    // Endings of files beside ONNX graphs that are not their data, which may have any name.
    private static readonly string[] s_otherEndings =
        [".safetensors", ".msgpack", ".h5", ".ckpt", ".pt", ".pth", ".md", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".xml", ".tflite"];

    private static readonly string[][] s_checkpointEndings = [[".safetensors"], [".ckpt"], [".pt", ".pth", ".bin"]];

    /// <summary>Chooses the files.</summary>
    /// <param name="request">The user's request.</param>
    /// <returns>The files in the order of their paths; at least one.</returns>
    /// <exception cref="InvalidSettingException">The request leaves no file, or is ambiguous.</exception>
    /// <exception cref="ModelInvalidException">The repository has no supported model.</exception>
    /// <exception cref="DownloadException">The path of a file leads out of the model's folder.</exception>
    public IReadOnlyList<HubFile> Choose(HubRequest request)
    {
        IEnumerable<HubFile> chosen = request.File is not null ? [Find(request.File)] : Select(request);
        if (request.File is null && request.Exclude is { } exclude)
            chosen = chosen.Where(file => !exclude(file.Path));

        List<HubFile> result = [.. chosen.Where(static file => file.Path != ModelManifest.FileName).OrderBy(static file => file.Path, StringComparer.Ordinal)];
        if (result.Count == 0)
            throw new InvalidSettingException(request.Include is null ? "Exclude" : "Include", $"No file of '{repository.Id}' is left to download. It has {Listed(files)}.");

        CheckPaths(result);
        return result;
    }

    private IEnumerable<HubFile> Select(HubRequest request)
    {
        if (request.Include is { } include)
            return files.Where(file => include(file.Path));

        string variant = request.Variant ?? string.Empty;
        List<string> variants = [.. WeightChoice.Variants(files)];
        if (variant.Length > 0 && !variants.Contains(variant, StringComparer.Ordinal))
        {
            string those = variants.Count == 0 ? "it has full precision only" : $"it has {string.Join(", ", variants)}, and full precision if Variant is omitted";
            throw new InvalidSettingException("Variant", $"'{repository.Id}' has no weights of the variant '{variant}': {those}.");
        }

        if (files.Any(static file => file.Path == ModelIndex))
            return Pipeline(variant);

        // An adapter or an autoencoder by itself: its configuration and its weights at the top level.
        IReadOnlyList<HubFile> weights = WeightChoice.Choose(Folder(string.Empty), variant);
        HubFile? config = files.FirstOrDefault(static file => file.Path == Config);
        return weights.Count > 0 && config is not null ? [config, .. weights] : [Checkpoint()];
    }

    private IEnumerable<HubFile> Pipeline(string variant)
    {
        IEnumerable<HubFile> root = files.Where(static file => s_rootFiles.Contains(file.Path) || file.Path.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase));
        if (ModelFamily.AllBackbones.Any(backbone => WeightChoice.Choose(Folder(backbone), variant).Count > 0))
            return [.. root, .. s_textParts.SelectMany(Texts), .. s_weightParts.SelectMany(part => Part(part, variant))];
        if (ModelFamily.AllBackbones.SelectMany(Folder).Any(static file => file.Path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase)))
            return [.. root, .. files.Where(IsOfGraphs)];

        IEnumerable<string> parts = files.Where(static file => file.Path.Contains('/')).Select(static file => file.Path[..file.Path.IndexOf('/')]).Distinct();
        throw new ModelInvalidException($"'{repository.Id}' has no supported model: there is no U-Net as safetensors, pickle or ONNX. Its folders are {string.Join(", ", parts.Select(ModelFilePath.Printable))}. Use another repository, or choose the files with Include.");
    }

    private IEnumerable<HubFile> Part(string part, string variant)
    {
        List<HubFile> folder = [.. Folder(part)];
        IReadOnlyList<HubFile> weights = WeightChoice.Choose(folder, variant);
        if (folder.Count > 0 && weights.Count == 0)
            throw new ModelInvalidException($"'{repository.Id}' has no readable weights in '{part}'. Use another repository, or choose the files with Include.");
        HubFile? config = folder.Find(file => file.Path == $"{part}/{Config}");
        if (folder.Count > 0 && config is null)
            throw new ModelInvalidException($"'{repository.Id}' has no '{part}/{Config}', which a model needs. Use another repository, or choose the files with Include.");
        return config is null ? [] : [config, .. weights];
    }

    private IEnumerable<HubFile> Texts(string part) => Folder(part)
        .Where(static file => file.Path.EndsWith(".json", StringComparison.Ordinal) || file.Path.EndsWith(".txt", StringComparison.Ordinal));

    private static bool IsOfGraphs(HubFile file)
    {
        int slash = file.Path.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !s_graphParts.Contains(file.Path[..slash]))
            return false;

        string name = file.Path[(file.Path.LastIndexOf('/') + 1)..];
        return !name.StartsWith("openvino", StringComparison.OrdinalIgnoreCase) && WeightFileName.Parse(name) is null && !HasEnding(file, s_otherEndings);
    }

    private HubFile Checkpoint()
    {
        foreach (string[] endings in s_checkpointEndings)
        {
            List<HubFile> candidates = [.. files.Where(file => HasEnding(file, endings))];
            if (candidates.Count == 1)
                return candidates[0];
            if (candidates.Count > 1)
                throw new InvalidSettingException("File", $"'{repository.Id}' has several checkpoints. Choose one with File: {Listed(candidates)}.");
        }

        throw new ModelInvalidException($"'{repository.Id}' has no supported model: there is neither a {ModelIndex} nor a checkpoint. It has {Listed(files)}. Use another repository, or choose the files with Include.");
    }

    private HubFile Find(string path) => files.FirstOrDefault(file => file.Path == path)
        ?? throw new InvalidSettingException("File", $"'{repository.Id}' has no file '{path}' at '{repository.Revision}'. It has {Listed(Checkpoints())}.");

    private IReadOnlyList<HubFile> Checkpoints()
    {
        List<HubFile> checkpoints = [.. files.Where(static file => HasEnding(file, s_checkpointEndings[0]) || HasEnding(file, s_checkpointEndings[1]))];
        return checkpoints.Count > 0 ? checkpoints : files;
    }

    private void CheckPaths(List<HubFile> chosen)
    {
        HashSet<string> paths = new(StringComparer.OrdinalIgnoreCase);
        foreach (HubFile file in chosen)
        {
            if (!ModelFilePath.IsSafe(file.Path))
                throw new DownloadException($"'{repository.Id}' has a file '{ModelFilePath.Printable(file.Path)}', which leads out of the model's folder or is not valid on every system. Nothing was downloaded. Leave it out with Exclude if you trust the repository.", repository.Id);
            if (paths.TryGetValue(file.Path, out string? other))
            {
                throw new DownloadException(
                    other == file.Path
                        ? $"'{repository.Id}' is listed by the hub with the file '{other}' twice. Check HF_ENDPOINT."
                        : $"'{repository.Id}' has the files '{other}' and '{file.Path}', which differ in upper and lower case only. Leave one out with Exclude.",
                    repository.Id);
            }

            paths.Add(file.Path);
        }

        foreach (string path in paths)
        {
            for (int slash = path.IndexOf('/'); slash >= 0; slash = path.IndexOf('/', slash + 1))
            {
                if (paths.Contains(path[..slash]))
                    throw new DownloadException($"'{repository.Id}' has '{path[..slash]}' as a file and as a folder. Leave one out with Exclude.", repository.Id);
            }
        }
    }

    private IEnumerable<HubFile> Folder(string folder)
    {
        string prefix = folder.Length == 0 ? folder : folder + "/";
        return files.Where(file => file.Path.StartsWith(prefix, StringComparison.Ordinal) && file.Path.AsSpan(prefix.Length).IndexOf('/') < 0);
    }

    private static bool HasEnding(HubFile file, string[] endings) => endings.Any(ending => file.Path.EndsWith(ending, StringComparison.OrdinalIgnoreCase));

    private static string Listed(IReadOnlyList<HubFile> files)
    {
        if (files.Count == 0)
            return "nothing";

        string list = string.Join(", ", files.Take(ListedFiles).Select(static file => $"{ModelFilePath.Printable(file.Path)} ({ByteSize.Format(file.Length)})"));
        return files.Count <= ListedFiles ? list : string.Create(CultureInfo.CurrentCulture, $"{list} and {files.Count - ListedFiles:N0} more");
    }
}
