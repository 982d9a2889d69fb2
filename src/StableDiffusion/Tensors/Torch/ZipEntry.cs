namespace StableDiffusion.Tensors.Torch;

/// <summary>An uncompressed file in a zip archive.</summary>
/// <param name="Name">Its name in the archive.</param>
/// <param name="Start">The position of its contents in the archive.</param>
/// <param name="Length">Its length in bytes.</param>
internal readonly record struct ZipEntry(string Name, long Start, long Length);
