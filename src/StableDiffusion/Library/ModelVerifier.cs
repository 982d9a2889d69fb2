using System.Diagnostics;
using StableDiffusion.Autoencoding;
using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Images;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace StableDiffusion.Library;

/// <summary>Tests whether a model is intact and works.</summary>
internal static class ModelVerifier
{
    private const string Prompt = "a red house on the grass";

    /// <summary>The smallest side that every U-Net can halve as often as necessary.</summary>
    private const int LatentSide = 8;

    /// <summary>Tests a model: the hash of every file, whether all files exist and are whole, and all of its parts with an image of one step.</summary>
    /// <param name="model">The model.</param>
    /// <param name="runs">Whether the image is made; if not, only the files are checked.</param>
    /// <param name="cacheFolder">The full path of the folder for built graphs.</param>
    /// <param name="cancellationToken">Cancels the test.</param>
    /// <returns>The result; problems of the model are not thrown.</returns>
    public static ModelTestReport Run(ModelInfo model, bool runs, string cacheFolder, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        List<string> problems = [];
        int checkedFiles = 0;
        bool hasRun = false;
        try
        {
            if (model.Problem is not null)
                throw new ModelInvalidException(model.Problem);

            if (ModelManifest.Read(model.Path) is { } manifest)
            {
                checkedFiles = manifest.Files.Count;
                problems.AddRange(manifest.Compare(model.Path, cancellationToken));
            }

            if (problems.Count == 0)
                CheckFiles(model, new BuildCache(cacheFolder));
            if (runs && problems.Count == 0)
            {
                MakeImage(model, cacheFolder, preparedFolder: null, cancellationToken);
                hasRun = true;
            }
        }
        catch (DiffusionException error)
        {
            problems.Add(error.Message);
        }

        return new ModelTestReport
        {
            Name = model.Name,
            Path = model.Path,
            CheckedFiles = checkedFiles,
            HasRun = hasRun,
            Problems = problems,
            Elapsed = Stopwatch.GetElapsedTime(start),
        };
    }

    /// <summary>
    /// Checks that the files exist that the configs ask for, and that they are whole: the weights by their lengths and shapes,
    /// graphs by their lengths, and the tokenizers, which must fit their text encoders; and that the scheduler can be created.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="cache">The cache, for what is written for a moment.</param>
    /// <exception cref="ModelNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelInvalidException">A file is damaged, or contradicts another.</exception>
    /// <exception cref="InvalidSettingException">The scheduler cannot be created.</exception>
    public static void CheckFiles(ModelInfo model, BuildCache cache)
    {
        ModelConfigs configs = ModelConfigs.Open(model.Path);
        ModelFamily family = configs.Family;
        CheckScheduler(configs.Scheduler, model);
        string[] encoders = [.. family.EncoderSuffixes.Where(suffix => Directory.Exists(Path.Combine(model.Path, ModelParts.TextEncoder + suffix)))];
        if (OnnxFolder.FindBackbone(model.Path) is null)
        {
            IModelSource source = ModelSources.Find(model.Path, new ImportOptions());
            _ = source.Inputs;
            ModelBuilder.Check(source);
            if (File.Exists(model.Path))
                CheckTokenizers(source, cache);
        }
        else
        {
            foreach (string suffix in encoders)
                CheckPart(ModelParts.TextEncoder + suffix, ClipEncoder.RequiredInput);
            CheckPart(family.Backbone, UNet.RequiredInputs);
            CheckPart(ModelParts.VaeDecoder, VaeDecoder.RequiredInput);
            CheckPart(ModelParts.VaeEncoder, VaeEncoder.RequiredInput);
        }

        foreach (string suffix in encoders)
        {
            string config = Path.Combine(model.Path, ModelParts.TextEncoder + suffix, ModelParts.Config);
            _ = ClipTokenizer.Load(Path.Combine(model.Path, ModelParts.Tokenizer + suffix), File.Exists(config) ? ClipTextConfig.Read(config).Input : null);
        }

        void CheckPart(string part, params ReadOnlySpan<GraphInput> inputs) => GraphCheck.Check(Path.Combine(model.Path, part, ModelParts.Graph), inputs);
    }

    /// <summary>Checks that the tokenizers that a single file is used with fit its text encoders.</summary>
    private static void CheckTokenizers(IModelSource source, BuildCache cache)
    {
        using ModelContents contents = source.Open();
        _ = cache.Borrow(Write, Load);

        void Write(string folder)
        {
            foreach ((string name, byte[] bytes) in contents.Files)
            {
                string path = Path.Combine(folder, name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllBytes(path, bytes);
            }
        }

        ClipTokenizer[] Load(string folder) =>
        [
            .. contents.Networks
                .Where(static network => network.Name.StartsWith(ModelParts.TextEncoder, StringComparison.Ordinal))
                .Select(network => ClipTokenizer.Load(Path.Combine(folder, ModelParts.Tokenizer + network.Name[ModelParts.TextEncoder.Length..]), ClipTextConfig.From(network.ReadConfig()).Input)),
        ];
    }

    private static void CheckScheduler(SchedulerConfig config, ModelInfo model) => _ = SchedulerCatalog.Create(SchedulerCatalog.Default(config), config, model.Steps);

    /// <summary>Opens all parts of a model, and makes an image of one step with them.</summary>
    /// <param name="info">The model.</param>
    /// <param name="cacheFolder">The full path of the folder for built graphs; null if the model consists of graphs.</param>
    /// <param name="preparedFolder">The full path of the folder for graphs that are prepared for this processor; null for the folder for built graphs.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="DiffusionException">A part cannot be opened or run; its shapes do not fit, or its values are not finite.</exception>
    public static void MakeImage(ModelInfo info, string? cacheFolder, string? preparedFolder, CancellationToken cancellationToken)
    {
        using DiffusionModel model = new(info, Devices.Resolve(Device.Auto, out _)) { CacheFolder = cacheFolder, PreparedFolder = preparedFolder };
        try
        {
            DiffusionPipeline pipeline = new(model);
            CheckScheduler(model.SchedulerConfig, info);
            int side = LatentSide * info.LatentFactor;
            TextEmbedding embedding = pipeline.EncodePrompt(Prompt, cancellationToken: cancellationToken);
            Latent latent = pipeline.Denoise(
                embedding, negative: null, start: null, new DenoiseOptions { Seed = 0, Steps = 1, Width = side, Height = side, Scheduler = "Euler" }, cancellationToken: cancellationToken);
            DiffusionImage image = pipeline.Decode(latent, cancellationToken);
            pipeline.EncodeImage(image, cancellationToken: cancellationToken);
        }
        catch (DiffusionException error) when (error is ModelInvalidException or InferenceException)
        {
            model.DiscardGraphs(error);
            throw;
        }
    }
}
