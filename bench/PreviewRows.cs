using System.Diagnostics;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Previews;
using StableDiffusion.Images;
using StableDiffusion.Images.Terminal;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Benchmarks;

/// <summary>What a preview of an image of 512x512 pixels costs after a step: the clean latent, its colors, and the ways to show it.</summary>
internal static class PreviewRows
{
    private const int Cells = 64;
    private const int Channels = 4;
    private const int Rounds = 40;

    // A wide window.
    private static readonly TerminalArea s_window = new(120, 50);

    /// <summary>Each part by itself.</summary>
    public static IEnumerable<Row> Measure() => Parts(Path.Combine(AppContext.BaseDirectory, "preview.png")).Select(static part => new Row($"preview of 512x512: {part.Name}", $"{Time(part.Run):F3} ms"));

    /// <summary>The time of the dearest preview, in milliseconds: the colors, SIXEL and a file.</summary>
    public static double Dearest() => Parts(Path.Combine(AppContext.BaseDirectory, "preview.png")).Where(static part => part.IsDearest).Sum(static part => Time(part.Run));

    private static IEnumerable<(string Name, Action Run, bool IsDearest)> Parts(string file)
    {
        // Noise is what compresses worst.
        Tensor sample = new(1, Channels, Cells, Cells), prediction = new(1, Channels, Cells, Cells), clean = new(1, Channels, Cells, Cells);
        PhiloxRandom random = new(1);
        random.Normal(sample.Span);
        random.Normal(prediction.Span);
        LatentColors colors = LatentColors.Find("StableDiffusion1")!;
        Latent latent = new(sample, new GenerationInfo { Width = 512, Height = 512 });
        DiffusionImage image = LatentPreview.Create(latent, colors);
        TerminalArea area = TerminalArea.Fit(image.Width, image.Height, s_window);
        yield return ("the clean latent", () => Sampling.VectorMath.Combine(clean.Span, sample.Span, 1.5, prediction.Span, -0.5), true);
        yield return ("its colors", () => LatentPreview.Create(latent, colors), true);
        foreach (TerminalProtocol protocol in (TerminalProtocol[])[TerminalProtocol.HalfBlock, TerminalProtocol.Kitty, TerminalProtocol.Sixel])
            yield return ($"the text for {protocol} in {area.Columns} columns", () => TerminalImage.Encode(image, protocol, area, number: 1), protocol == TerminalProtocol.Sixel);
        DiffusionImage large = new(512, 512, Resampler.Resize(image.Pixels, image.Width, image.Height, 512, 512, ResampleFilter.Nearest));
        yield return ("its file", () => ImageFile.Write(large, file, new ImageWriteOptions { Overwrite = true, Metadata = false }), true);
    }

    private static double Time(Action run)
    {
        run();
        return Statistics.Median([.. Enumerable.Range(0, Rounds).Select(_ =>
        {
            long start = Stopwatch.GetTimestamp();
            run();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        })]);
    }
}
