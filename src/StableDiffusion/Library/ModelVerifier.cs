using System.Diagnostics;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace StableDiffusion.Library;

/// <summary>Tests whether a model is intact and works.</summary>
internal static class ModelVerifier
{
    private const string Prompt = "a red house on the grass";

    /// <summary>The smallest side that every U-Net can halve as often as necessary.</summary>
    private const int LatentSide = 8;

    /// <summary>Tests a model: the hash of every file, and all of its parts with an image of one step.</summary>
    /// <param name="model">The model.</param>
    /// <param name="runs">Whether the image is made; if not, only the files are compared with their hashes.</param>
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

    // Every stage throws for shapes that do not fit and values that are not finite.
    private static void MakePicture(ModelInfo info, string cacheFolder, CancellationToken cancellationToken)
    {
        using DiffusionModel model = new(info, Devices.Resolve(Device.Auto, out _)) { CacheFolder = cacheFolder };
        DiffusionPipeline pipeline = new(model);
        int side = LatentSide * info.LatentFactor;
        TextEmbedding embedding = pipeline.EncodePrompt(Prompt, cancellationToken: cancellationToken);
        Latent latent = pipeline.Denoise(
            embedding, negative: null, start: null, new DenoiseOptions { Seed = 0, Steps = 1, Width = side, Height = side, Scheduler = "Euler" }, cancellationToken: cancellationToken);
        DiffusionImage image = pipeline.Decode(latent, cancellationToken);
        pipeline.EncodeImage(image, cancellationToken: cancellationToken);
    }
}
