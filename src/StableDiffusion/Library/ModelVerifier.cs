using System.Diagnostics;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace StableDiffusion.Library;

/// <summary>Finds out whether a model is whole and works.</summary>
internal static class ModelVerifier
{
    private const string Prompt = "a red house on the grass";

    /// <summary>Eight values a side are the least that every U-Net can halve as often as it does.</summary>
    private const int LatentSide = 8;

    /// <summary>Tests a model: every file's hash, and all of its parts in a picture of one step.</summary>
    /// <param name="model">The model.</param>
    /// <param name="runs">Whether the picture is made; else only the files are compared with their hashes.</param>
    /// <param name="cacheFolder">The full path of the folder for built graphs.</param>
    /// <param name="cancellationToken">Stops the test.</param>
    /// <returns>What was found; what is wrong with the model is no exception here.</returns>
    public static ModelTestReport Run(ModelInfo model, bool runs, string cacheFolder, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        List<string> problems = [];
        int checkedFiles = 0;
        bool hasRun = false;
        try
        {
            if (ModelManifest.Read(model.Path) is { } manifest)
            {
                checkedFiles = manifest.Files.Count;
                problems.AddRange(manifest.Compare(model.Path, cancellationToken));
            }

            if (runs && problems.Count == 0)
            {
                MakePicture(model, cacheFolder, cancellationToken);
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

    // Every stage refuses what does not fit and values that are not finite.
    private static void MakePicture(ModelInfo info, string cacheFolder, CancellationToken cancellationToken)
    {
        using DiffusionModel model = new(info, Devices.Resolve(Device.Auto, out _)) { CacheFolder = cacheFolder };
        DiffusionPipeline pipeline = new(model);
        int side = LatentSide * info.LatentFactor;
        TextEmbedding embedding = pipeline.EncodePrompt(Prompt, cancellationToken: cancellationToken);
        Latent latent = pipeline.Denoise(
            embedding, negative: null, start: null, new DenoiseOptions { Seed = 0, Steps = 1, Width = side, Height = side, Scheduler = "Euler" }, cancellationToken: cancellationToken);
        DiffusionImage picture = pipeline.Decode(latent, cancellationToken);
        pipeline.EncodeImage(picture, cancellationToken: cancellationToken);
    }
}
