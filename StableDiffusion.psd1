@{
    RootModule           = 'SdPowerShell.dll'
    ModuleVersion        = '0.1.0'
    GUID                 = 'e99c3fde-fffc-444a-bf1b-569ff3ed9df2'
    Author               = 'The StableDiffusion for PowerShell authors'
    Copyright            = 'MIT licence'
    Description          = 'Makes pictures from text, and from other pictures, with Stable Diffusion on ONNX Runtime: one cmdlet from prompt to file, and the stages between as objects in the pipeline.'

    PowerShellVersion    = '7.6'
    CompatiblePSEditions = @('Core')

    # The types name classes of the cmdlets' assembly, which PowerShell would otherwise load after them.
    RequiredAssemblies   = @('SdPowerShell.dll')
    FormatsToProcess     = @('StableDiffusion.Format.ps1xml')
    TypesToProcess       = @('StableDiffusion.Types.ps1xml')

    # Named one by one, so that PowerShell knows them without loading anything.
    CmdletsToExport      = @(
        'Add-LatentNoise'
        'Clear-DiffusionCache'
        'Compare-DiffusionImage'
        'ConvertFrom-AttentionMap'
        'ConvertFrom-Latent'
        'ConvertTo-ControlImage'
        'ConvertTo-DiffusionScript'
        'ConvertTo-Latent'
        'Expand-DiffusionImage'
        'Expand-Prompt'
        'Export-DiffusionAnimation'
        'Export-DiffusionImage'
        'Export-DiffusionManifest'
        'Export-DiffusionReport'
        'Export-Latent'
        'Export-TextEmbedding'
        'Find-ImageRegion'
        'Get-AttentionMap'
        'Get-DiffusionDevice'
        'Get-DiffusionJob'
        'Get-DiffusionJournal'
        'Get-DiffusionMetadata'
        'Get-DiffusionModel'
        'Get-DiffusionSchedule'
        'Get-DiffusionScheduler'
        'Get-PromptToken'
        'Get-TextEmbedding'
        'Import-DiffusionModel'
        'Import-DiffusionTable'
        'Import-Latent'
        'Import-TextEmbedding'
        'Invoke-Denoise'
        'Join-DiffusionImage'
        'Measure-DiffusionJob'
        'Measure-NoisePrediction'
        'Merge-Latent'
        'Merge-TextEmbedding'
        'New-DiffusionImage'
        'New-DiffusionSweep'
        'Register-DiffusionAssertion'
        'Remove-DiffusionModel'
        'Repair-DiffusionImage'
        'Resize-DiffusionImage'
        'Resize-Latent'
        'Restore-DiffusionManifest'
        'Save-DiffusionModel'
        'Show-DiffusionImage'
        'Split-Latent'
        'Stop-DiffusionJob'
        'Submit-DiffusionJob'
        'Test-DiffusionManifest'
        'Test-DiffusionModel'
        'Wait-DiffusionJob'
    )
    FunctionsToExport    = @()
    AliasesToExport      = @()
    VariablesToExport    = @()

    PrivateData          = @{
        PSData = @{
            Tags         = @('StableDiffusion', 'Diffusion', 'ONNX', 'CUDA', 'Image', 'TextToImage', 'ImageToImage', 'PSEdition_Core', 'Windows', 'Linux', 'MacOS')
            ReleaseNotes = 'The first version.'
        }
    }
}
