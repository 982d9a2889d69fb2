using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Comparison;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Storage;

namespace SdPowerShell.Assertions;

/// <summary>Tests images against expected ones.</summary>
/// <param name="tolerance">How near they must be.</param>
/// <param name="negate">Whether they must not be as near as that.</param>
/// <param name="because">The reason of the test; may be null.</param>
/// <param name="cancellationToken">Cancels the test.</param>
internal sealed class ImageAssertion(ImageTolerance tolerance, bool negate, string? because, CancellationToken cancellationToken)
{
    /// <summary>The environment variable of the update mode, in which expected images that are missing or differ are written.</summary>
    public const string UpdateVariable = "STABLEDIFFUSION_UPDATE_GOLDEN";

    private static bool IsUpdating => Environment.GetEnvironmentVariable(UpdateVariable)?.Trim().ToUpperInvariant() is not (null or "" or "0" or "FALSE");

    /// <summary>Tests an image against one in memory.</summary>
    /// <param name="image">The image.</param>
    /// <param name="expected">The expected image.</param>
    public AssertionResult Test(DiffusionImage image, DiffusionImage expected) =>
        Cancelable(() => Judge(new ImageComparison(expected, image), "the given one", advice: string.Empty));

    /// <summary>Tests an image against a golden file, or writes that file in the update mode.</summary>
    /// <param name="image">The image.</param>
    /// <param name="path">The full path of the golden file.</param>
    /// <exception cref="DiffusionException">The file cannot be read, or not be written.</exception>
    public AssertionResult Test(DiffusionImage image, string path)
    {
        bool updates = IsUpdating && !negate;
        if (!Path.Exists(path))
        {
            return updates
                ? Update(image, path)
                : new AssertionResult(Succeeded: false, PrintableText.Of($"There is no golden image '{path}'. {(negate ? "Check the path." : $"To write it, run the test once with the environment variable {UpdateVariable} set to 1.")}"));
        }

        DiffusionImage golden = ImageFile.ReadWithSettings(path, cancellationToken);
        return Cancelable(() =>
        {
            ImageComparison comparison = new(golden, image);
            return updates && !tolerance.Holds(comparison)
                ? Update(image, path)
                : Judge(comparison, $"the golden image '{path}'", $"{Environment.NewLine}If the image is right, run the test once with the environment variable {UpdateVariable} set to 1.");
        });
    }

    // The measures of large images take seconds.
    private AssertionResult Cancelable(Func<AssertionResult> test) => BackgroundCall.Run(test, cancellationToken);

    private AssertionResult Update(DiffusionImage image, string path)
    {
        if (tolerance.IsNone && ImageFile.FormatOf(path) != ImageFormat.Png)
            return new AssertionResult(Succeeded: false, PrintableText.Of($"'{path}' would not hold the exact pixels. Name a .png file, or give a tolerance."));

        new OutputTarget(path).CreateFolder();
        // A copy, since the image keeps the path that it has.
        ImageFile.Write(new DiffusionImage(image.Width, image.Height, image.Pixels, image.Info), path, new ImageWriteOptions { Overwrite = true }, cancellationToken);
        return new AssertionResult(Succeeded: true, string.Empty);
    }

    private AssertionResult Judge(ImageComparison comparison, string name, string advice)
    {
        if (tolerance.Holds(comparison) != negate)
            return new AssertionResult(Succeeded: true, string.Empty);

        string expectation = PrintableText.Of($"Expected the image {(negate ? "not " : string.Empty)}to {tolerance} {name}{ShouldOperator.Reason(because)}, but {Describe(comparison)}.");
        return new AssertionResult(Succeeded: false, negate ? expectation : $"{expectation} {comparison.Reason}{Show(comparison)}{advice}");
    }

    private static string Describe(ImageComparison comparison)
    {
        if (comparison.DifferentPixels is not int count)
            return "the sizes differ";
        if (count == 0)
            return "the pixels are equal";

        string similarity = comparison.Ssim is double ssim ? FormattableString.Invariant($", SSIM {ssim:0.0000}") : string.Empty;
        return FormattableString.Invariant($"{count} of {comparison.ReferenceImage.Width * comparison.ReferenceImage.Height} pixels differ: PSNR {comparison.Psnr:0.00} dB{similarity}, largest difference {comparison.LargestDifference}, within {comparison.Bounds}");
    }

    /// <summary>Writes the images side by side, for whoever reads the message.</summary>
    private string Show(ImageComparison comparison)
    {
        if (comparison.SideBySide is not DiffusionImage sheet)
            return string.Empty;

        string? folder = null;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            folder = Directory.CreateTempSubdirectory("StableDiffusion-").FullName;

            // Letters and digits only: anyone can name a file so that a terminal would interpret it.
            string name = FileNames.FromPrompt(Path.GetFileNameWithoutExtension(comparison.ReferencePath), seed: null, ".png");
            string path = ImageFile.Write(sheet, Path.Combine(folder, Path.ChangeExtension(name, ".difference.png")), options: null, cancellationToken);
            return $"{Environment.NewLine}{(comparison.HeatMap is null ? "Expected and actual" : "Expected, actual and difference")}, side by side: {PrintableText.Of(path)}";
        }
        catch (OperationCanceledException) when (folder is not null)
        {
            Directory.Delete(folder);
            throw;
        }
        catch (Exception error) when (error is DiffusionException or IOException or UnauthorizedAccessException)
        {
            return $"{Environment.NewLine}The images could not be written side by side: {PrintableText.Of(error.Message)}";
        }
    }
}
