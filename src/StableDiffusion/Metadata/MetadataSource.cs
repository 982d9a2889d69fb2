namespace StableDiffusion.Metadata;

/// <summary>The tool that wrote a file's metadata.</summary>
public enum MetadataSource
{
    /// <summary>An unknown tool, or no metadata.</summary>
    Unknown,

    /// <summary>This module.</summary>
    PowerShell,

    /// <summary>A1111's web UI, and all tools that write its infotext without their own name.</summary>
    A1111,

    /// <summary>ComfyUI: its graph of nodes, or an infotext with its name.</summary>
    ComfyUI,

    /// <summary>stable-diffusion.cpp.</summary>
    StableDiffusionCpp,

    /// <summary>NovelAI.</summary>
    NovelAI,

    /// <summary>InvokeAI, version 3 or later.</summary>
    InvokeAI,
}
