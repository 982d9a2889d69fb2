using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace StableDiffusion.Images;

/// <summary>A row of the table of formats that images are written in, <see cref="ImageEncoder.Formats"/>.</summary>
/// <param name="Format">The format.</param>
/// <param name="Extensions">The extensions of its files, without dots, the usual one first.</param>
/// <param name="LongestSide">The longest side that a file can hold, in pixels.</param>
/// <param name="Encode">Makes the bytes of a file.</param>
internal sealed record WritableFormat(ImageFormat Format, IReadOnlyList<string> Extensions, int LongestSide, Func<Image<Rgb24>, ImageWriteOptions, ImageTexts, CancellationToken, byte[]> Encode);
