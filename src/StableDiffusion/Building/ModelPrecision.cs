namespace StableDiffusion.Building;

/// <summary>In which numbers a built model is kept and computed.</summary>
public enum ModelPrecision
{
    /// <summary>32-bit floats.</summary>
    Full,

    /// <summary>
    /// Weights of 16-bit floats, half the size on disk. Graphics cards compute in 16 bits too, the processor in 32, and
    /// so does the autoencoder again where 16 bits overflow.
    /// </summary>
    Half,

    /// <summary>
    /// The U-Net's convolutions and linear layers in 8-bit integers, the fastest form on a processor; all else in 32-bit
    /// floats. Images differ a little from those of <see cref="Full"/>.
    /// </summary>
    Int8,
}
