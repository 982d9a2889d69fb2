namespace StableDiffusion.Metadata;

/// <summary>The tool whose way of writing a file's metadata was found.</summary>
public enum MetadataSource
{
    /// <summary>None that is known, or no metadata at all.</summary>
    Unknown,

    /// <summary>This module.</summary>
    PowerShell,

    /// <summary>A1111's web UI, and all that write its infotext without saying who they are.</summary>
    A1111,

    /// <summary>ComfyUI: its graph of nodes, or an infotext that names it.</summary>
    ComfyUI,

    /// <summary>stable-diffusion.cpp.</summary>
    StableDiffusionCpp,

    /// <summary>NovelAI.</summary>
    NovelAI,

    /// <summary>InvokeAI, from version 3 on.</summary>
    InvokeAI,
}
