using System.Diagnostics;
using StableDiffusion.Comparison;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Text;

namespace StableDiffusion.Quantization;

/// <summary>Compares a model's precision with full precision, by the images that both make on the CPU and the time that they take.</summary>
internal static class PrecisionComparer
{
    /// <summary>The number of seeds that are compared, from 0.</summary>
    public const int Seeds = 8;

    /// <summary>Makes images with both models, one after the other, from the same prompt and seeds.</summary>
    /// <param name="reference">The model in full precision.</param>
    /// <param name="compared">The same model in another precision.</param>
    /// <param name="prompt">The prompt of the images.</param>
    /// <param name="options">The options of the denoising; the seed is not used.</param>
    /// <param name="cacheFolder">The folder with the hashes of the models' files; null reads all files.</param>
    /// <param name="progress">Receives, before each image, the number of finished images, of two times <see cref="Seeds"/>; may be null.</param>
    /// <param name="cancellationToken">Cancels it within about two seconds.</param>
    /// <returns>The comparison.</returns>
    /// <exception cref="ImageInvalidException">The models make images of different sizes.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or values became infinite.</exception>
    public static PrecisionComparison Run(
        ModelInfo reference,
        ModelInfo compared,
        string prompt,
        DenoiseOptions options,
        string? cacheFolder = null,
        Action<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(compared);
        ArgumentNullException.ThrowIfNull(options);

        // Both at once would not fit into the memory of many computers.
        (DiffusionImage Image, TimeSpan Step)[] expected = MakePictures(reference, made: 0);
        (DiffusionImage Image, TimeSpan Step)[] actual = MakePictures(compared, made: Seeds);
        return new PrecisionComparison([.. expected.Zip(actual, (full, other) => (full, other)).Select((pair, seed) => new PrecisionDistance(
            seed, ImageDistance.Psnr(pair.full.Image, pair.other.Image), ImageDistance.Ssim(pair.full.Image, pair.other.Image), pair.other.Step, pair.full.Step))]);

        (DiffusionImage, TimeSpan)[] MakePictures(ModelInfo info, int made)
        {
            progress?.Invoke(made);
            using DiffusionModel model = new(info, Device.Cpu) { CacheFolder = cacheFolder };
            DiffusionPipeline pipeline = new(model);
            TextEmbedding embedding = pipeline.EncodePrompt(prompt, cancellationToken: cancellationToken);

            // Opening and compiling are not included in the times.
            pipeline.Denoise(embedding, null, null, options with { Seed = 0, StopStep = 1 }, null, cancellationToken);
            (DiffusionImage, TimeSpan)[] images = new (DiffusionImage, TimeSpan)[Seeds];
            for (int seed = 0; seed < Seeds; seed++)
            {
                long start = Stopwatch.GetTimestamp();
                Latent latent = pipeline.Denoise(embedding, null, null, options with { Seed = seed }, null, cancellationToken);
                TimeSpan step = Stopwatch.GetElapsedTime(start) / latent.Step;
                images[seed] = (pipeline.Decode(latent, cancellationToken), step);
                progress?.Invoke(made + seed + 1);
            }

            return images;
        }
    }
}
