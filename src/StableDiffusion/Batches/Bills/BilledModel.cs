namespace StableDiffusion.Batches.Bills;

/// <summary>A model that images are made with.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Images">The number of images to make with it.</param>
/// <param name="Size">The size of its files in bytes.</param>
/// <param name="IsBuilt">Whether its graphs are built; otherwise its first image takes longer.</param>
public sealed record BilledModel(string Name, int Images, long Size, bool IsBuilt)
{
    /// <summary>The model in words.</summary>
    /// <returns>Its name, the number of images, and whether it is built first.</returns>
    public override string ToString() => PrintableText.Of($"{Name} ({Images} image{(Images == 1 ? string.Empty : "s")}{(IsBuilt ? string.Empty : ", is built first")})");
}
