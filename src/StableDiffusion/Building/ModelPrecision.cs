namespace StableDiffusion.Building;

/// <summary>The precision of a built model's weights and computation.</summary>
public enum ModelPrecision
{
    /// <summary>32-bit floats.</summary>
    Full,

    /// <summary>
    /// Weights in 16-bit floats, half the size on disk. GPUs also compute in 16 bits, the CPU in 32, and
    /// the VAE too if 16 bits overflow.
    /// </summary>
    Half,

    /// <summary>
    /// The U-Net's convolutions and linear layers in 8-bit integers, the fastest form on a CPU; everything else in 32-bit
    /// floats. Images differ slightly from those of <see cref="Full"/>.
    /// </summary>
    Int8,
}
