namespace StableDiffusion.Tensors.Torch;

/// <summary>A file in a zip archive, stored as it is.</summary>
/// <param name="Name">Its name in the archive.</param>
/// <param name="Start">The byte of the archive at which its contents start.</param>
/// <param name="Length">How many bytes it has.</param>
internal readonly record struct ZipEntry(string Name, long Start, long Length);
