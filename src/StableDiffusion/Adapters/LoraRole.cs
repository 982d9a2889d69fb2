namespace StableDiffusion.Adapters;

/// <summary>The role of a tensor in a LoRA.</summary>
internal enum LoraRole
{
    /// <summary>The factor [rank, in, ..] that is applied first.</summary>
    Down,

    /// <summary>The factor [out, rank] that is applied last.</summary>
    Up,

    /// <summary>The core [rank, rank, height, width] between the two, for a convolution in Tucker form.</summary>
    Mid,

    /// <summary>The numerator of the scale of the change; the rank is the denominator.</summary>
    Alpha,

    /// <summary>The magnitudes that DoRA gives to the rows or columns of the changed weight.</summary>
    Magnitude,

    /// <summary>The left factor of the first LoHa product.</summary>
    Hada1A,

    /// <summary>The right factor of the first LoHa product.</summary>
    Hada1B,

    /// <summary>The left factor of the second LoHa product.</summary>
    Hada2A,

    /// <summary>The right factor of the second LoHa product.</summary>
    Hada2B,

    /// <summary>The core of the first LoHa product.</summary>
    Hada1Core,

    /// <summary>The core of the second LoHa product.</summary>
    Hada2Core,

    /// <summary>LoKr's first matrix.</summary>
    Kron1,

    /// <summary>The left factor of LoKr's first matrix.</summary>
    Kron1A,

    /// <summary>The right factor of LoKr's first matrix.</summary>
    Kron1B,

    /// <summary>LoKr's second matrix.</summary>
    Kron2,

    /// <summary>The left factor of LoKr's second matrix.</summary>
    Kron2A,

    /// <summary>The right factor of LoKr's second matrix.</summary>
    Kron2B,

    /// <summary>The core of LoKr's second matrix.</summary>
    Kron2Core,

    /// <summary>The whole change of the weight.</summary>
    Difference,

    /// <summary>The whole change of the bias.</summary>
    BiasDifference,
}
