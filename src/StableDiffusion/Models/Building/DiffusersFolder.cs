using StableDiffusion.Models.Configs;

namespace StableDiffusion.Models.Building;

/// <summary>
/// A model in diffusers' layout with safetensors weights: where each of its files lies. Everything that is needed
/// is known to be there once this is open.
/// </summary>
internal sealed class DiffusersFolder
{
    public const string TextEncoder = "text_encoder";
    public const string UNet = "unet";
    public const string Vae = "vae";

    private const string Index = "model_index.json";
    private const string Config = "config.json";
    private const string Scheduler = "scheduler";
    private const string Tokenizer = "tokenizer";
    private const string GenerationConfig = "generation_config.json";

    private static readonly string[] s_pipelines =
        ["StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline"];

    private DiffusersFolder(string root)
    {
        Root = root;
        TextEncoderWeights = FindWeights(TextEncoder, "model");
        UNetWeights = FindWeights(UNet, "diffusion_pytorch_model");
        VaeWeights = FindWeights(Vae, "diffusion_pytorch_model");
        CopiedFiles = FindCopiedFiles();
    }

    /// <summary>The folder's full path.</summary>
    public string Root { get; }

    /// <summary>The path of the text encoder's weights, from the folder.</summary>
    public string TextEncoderWeights { get; }

    /// <summary>The path of the U-Net's weights, from the folder.</summary>
    public string UNetWeights { get; }

    /// <summary>The path of the autoencoder's weights, from the folder.</summary>
    public string VaeWeights { get; }

    /// <summary>The paths of the files that every form of the model has alike, from the folder.</summary>
    public IReadOnlyList<string> CopiedFiles { get; }

    /// <summary>The paths of all files that the model is built of, from the folder, in a fixed order.</summary>
    public IEnumerable<string> Files =>
    [
        .. CopiedFiles,
        ConfigOf(TextEncoder), TextEncoderWeights,
        ConfigOf(UNet), UNetWeights,
        ConfigOf(Vae), VaeWeights,
    ];

    /// <summary>Finds a model's files.</summary>
    /// <param name="path">The folder that holds <c>model_index.json</c>.</param>
    /// <returns>The folder.</returns>
    /// <exception cref="ModelNotFoundException">The folder, or a file that a model must have, is missing.</exception>
    /// <exception cref="ModelInvalidException">The model is of a kind that cannot be built.</exception>
    public static DiffusersFolder Open(string path)
    {
        string root = Path.GetFullPath(path);
        if (!File.Exists(Path.Combine(root, Index)))
            throw new ModelNotFoundException($"'{root}' is not a model's folder: there is no '{Index}' in it.");

        ConfigFile index = ConfigFile.Read(Path.Combine(root, Index));
        index.RequireText("_class_name", s_pipelines);
        return new DiffusersFolder(root);
    }

    /// <summary>The path of a part's config, from the folder.</summary>
    public static string ConfigOf(string part) => Path.Combine(part, Config);

    /// <summary>The full path of a file.</summary>
    /// <param name="relativePath">Its path from the folder.</param>
    public string FullPath(string relativePath) => Path.Combine(Root, relativePath);

    private string FindWeights(string part, string stem)
    {
        string[] names = [$"{stem}.safetensors", $"{stem}.fp16.safetensors"];
        foreach (string name in names)
        {
            string relative = Path.Combine(part, name);
            if (File.Exists(FullPath(relative)))
                return relative;
        }

        string folder = FullPath(part);
        if (File.Exists(Path.Combine(folder, $"{stem}.safetensors.index.json")))
            throw new ModelInvalidException($"The weights in '{folder}' are split into several files, which cannot be read. Save them as one '{names[0]}'.");
        if (Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*.bin").Any())
            throw new ModelInvalidException($"The weights in '{folder}' are a pickle, which could run any code and is not read. Save them as '{names[0]}'.");
        throw new ModelNotFoundException($"There is no '{names[0]}' in '{folder}', which a model must have.");
    }

    private List<string> FindCopiedFiles()
    {
        List<string> files = [Index, Path.Combine(Scheduler, "scheduler_config.json")];
        if (File.Exists(FullPath(GenerationConfig)))
            files.Add(GenerationConfig);

        string tokenizer = FullPath(Tokenizer);
        if (Directory.Exists(tokenizer))
        {
            string[] names = [.. Directory.EnumerateFiles(tokenizer).Select(file => Path.GetFileName(file))];
            Array.Sort(names, StringComparer.Ordinal);
            files.AddRange(names.Select(static name => Path.Combine(Tokenizer, name)));
        }

        bool vocabulary = File.Exists(Path.Combine(tokenizer, "vocab.json")) && File.Exists(Path.Combine(tokenizer, "merges.txt"));
        if (!vocabulary && !File.Exists(Path.Combine(tokenizer, "tokenizer.json")))
            throw new ModelNotFoundException($"There is no 'vocab.json' with a 'merges.txt' in '{tokenizer}', nor a 'tokenizer.json', which a model must have.");

        string[] needed = [files[1], ConfigOf(TextEncoder), ConfigOf(UNet), ConfigOf(Vae)];
        foreach (string relative in needed)
        {
            if (!File.Exists(FullPath(relative)))
                throw new ModelNotFoundException($"There is no file '{FullPath(relative)}', which a model must have.");
        }

        return files;
    }
}
